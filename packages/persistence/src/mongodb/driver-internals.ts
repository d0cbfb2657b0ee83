/**
 * Purpose: the only place that touches files of the MongoDB driver which are not public, for a defect of 7.8.0 (and earlier): a command that is written
 *   between the end of its socket and the event that tells of it is told to wait until the socket has drained, which a closed one never does. Nothing ends
 *   that wait, no timeout either. An insert is then never answered; and when it was the look of the monitor, the client never connects again: found by
 *   cutting connections (test/chaos). This is why the driver is pinned to exactly 7.8.0.
 * Not here: anything the driver does by itself (mongo-document-store).
 */
import { createRequire } from 'node:module';
import type { Duplex } from 'node:stream';

interface ConnectionPrototype {
  onClose(this: { readonly socket: Duplex }): void;
}

const requireInternal = createRequire(import.meta.url);
const FAILS = Symbol('failWritesToClosedSockets');

/** Whoever waits for a socket to drain is told when it is closed instead. For connections that are made afterwards. */
export function failWritesToClosedSockets(): void {
  const { prototype } = (
    requireInternal('mongodb/lib/cmap/connection') as {
      readonly Connection: { readonly prototype: ConnectionPrototype & { [FAILS]?: true } };
    }
  ).Connection;
  if (prototype[FAILS]) return;
  const { onClose } = prototype;
  prototype[FAILS] = true;
  prototype.onClose = function () {
    onClose.call(this);
    if (this.socket.listenerCount('drain') > 0)
      this.socket.emit('error', new Error('the connection is closed'));
  };
}
