/** What nobody can promise about a deployment that reads from the Hub: said in the plan, and kept in the statement. */
import type { HubOrigin, Subject } from './deploy.ts';

/** Sentences, the gravest first. Empty for the route through the vault. */
export function hubPromises({ origin, files, remoteCode }: Subject): string[] {
  if (origin.route !== 'hub') return [];
  const unnamed = files.filter(({ sha256 }) => sha256 === undefined).length;
  return [
    'nobody here has read the bytes: no scan of ours, no signature, no entry in a log is behind them',
    scanSentence(origin),
    publisherSentence(origin),
    'clients of the Hub do not verify what arrives over plain HTTP ranges: its bytes are as good as the connection and the store behind it',
    `every start of a container needs the Hub: it must answer, within its rate limits, and still have this commit (${unnamed} of ${files.length} files are named by no sha256)`,
    'the platform cannot isolate the container from the network, which stays open for whatever runs in it',
    'a revocation in the vault stops nothing here: the container asks the Hub alone',
    ...(remoteCode ? ['the repo brings Python of its own, which nobody here has read'] : []),
  ];
}

function scanSentence({ scan }: HubOrigin): string {
  return scan === 'safe'
    ? 'the Hub says at this moment that its scanners found nothing; it may say otherwise tomorrow'
    : 'the Hub does not say that its own scanners have finished with every file';
}

function publisherSentence({ publisher }: HubOrigin): string {
  if (!publisher) return 'the repo has no publisher that could be looked up';
  if (publisher.verified)
    return `the publisher ${publisher.name} is verified by the Hub; the account can still be taken over`;
  return `the publisher ${publisher.name} is not verified by the Hub`;
}
