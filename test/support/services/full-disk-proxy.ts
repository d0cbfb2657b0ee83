/**
 * Purpose: a MongoDB server whose disk is full, as its clients see it: stands before a real one and answers inserts and updates itself, with
 *   OutOfDiskSpace, for as long as it is told to; all else passes.
 * States: roomy ⇄ full. A refused command never reaches the server.
 * Not here: compressed messages; the driver sends none unless asked to.
 */
import net, { type AddressInfo, type Socket } from 'node:net';
import { BSON } from 'mongodb';

const OP_MSG = 2013;
const HEADER_BYTES = 16;
const WRITES: ReadonlySet<string> = new Set(['insert', 'update']);

export class FullDiskProxy {
  /** Writes that were refused. */
  refused = 0;
  isFull = false;
  readonly #url: URL;
  readonly #sockets = new Set<Socket>();
  readonly #server = net.createServer((client) => this.#accept(client));

  private constructor(mongodb: string) {
    this.#url = new URL(mongodb);
  }

  /** `mongodb` is the url of one server. */
  static async start(mongodb: string): Promise<FullDiskProxy> {
    const proxy = new FullDiskProxy(mongodb);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `mongodb://127.0.0.1:${port}/?directConnection=true`;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(client: Socket): void {
    const server = net.connect(Number(this.#url.port), this.#url.hostname);
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(one);
      one.setNoDelay(true).on('error', () => undefined);
      one.on('close', () => {
        this.#sockets.delete(one);
        other.destroy();
      });
    }
    server.on('data', (chunk: Buffer) => client.write(chunk));
    let rest = Buffer.alloc(0);
    client.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      while (rest.length >= 4 && rest.length >= rest.readInt32LE(0)) {
        const message = rest.subarray(0, rest.readInt32LE(0));
        rest = rest.subarray(message.length);
        if (this.isFull && WRITES.has(commandOf(message))) client.write(this.#refusal(message));
        else server.write(message);
      }
    });
  }

  #refusal(request: Buffer): Buffer {
    this.refused++;
    const answer = BSON.serialize({
      ok: 0,
      code: 14_031,
      codeName: 'OutOfDiskSpace',
      errmsg: 'disk is full',
    });
    const reply = Buffer.alloc(HEADER_BYTES + 5);
    reply.writeInt32LE(reply.length + answer.length, 0);
    request.copy(reply, 8, 4, 8); // the answer to that request
    reply.writeInt32LE(OP_MSG, 12);
    return Buffer.concat([reply, answer]);
  }
}

/** The name of the first field of a message's body. */
function commandOf(message: Buffer): string {
  if (message.readInt32LE(12) !== OP_MSG || message[HEADER_BYTES + 4] !== 0) return '';
  const name = HEADER_BYTES + 4 + 1 + 4 + 1;
  return message.toString('latin1', name, message.indexOf(0, name));
}
