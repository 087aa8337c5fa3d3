/** The Hub stand-in with one large repo, in a process of its own: `node bench/hub.ts <bytes>`. Ends with its input. */
import { startHubStandIn } from '../src/hub-stand-in/hub-stand-in.ts';
import { r1Repo } from './r1-repo.ts';

const hub = await startHubStandIn({ models: [r1Repo(Number(process.argv[2]))] });
process.stdout.write(`${JSON.stringify({ endpoint: hub.endpoint, cdnHost: hub.cdnHost })}\n`);
process.stdin.on('end', () => process.exit(0)).resume();
