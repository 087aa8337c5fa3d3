/**
 * A server whose port somebody else took: it starts a second process, which listens in its place, and ends as soon as that
 * one is asked for its health. Only then is the question answered, with 200. Its argument: the port.
 */
import { fork } from 'node:child_process';
import { createServer } from 'node:http';

const [, , port = '0'] = process.argv;

if (process.send) {
  const server = createServer((_, response) => {
    process.once('disconnect', () => {
      response.writeHead(200, { connection: 'close' }).end();
      server.close();
    });
    process.send?.('asked');
  });
  server.listen(Number(port), '127.0.0.1');
} else {
  fork(import.meta.filename, [port], { stdio: 'ignore' }).once('message', () => {
    process.stderr.write('cannot listen: the address is in use\n', () => process.exit(1));
  });
}
