/** placeholder until view */
import type { DemoEvent, Performance } from './performance.js';
import { PlainTeller, type Teller } from './teller.js';

export class Screen extends PlainTeller implements Teller {
  constructor(o: {
    readonly write: (text: string) => void;
    readonly services: boolean;
    readonly quit: () => void;
  }) {
    super(o.write);
  }
  override tell(event: DemoEvent): void {
    super.tell(event);
  }
  override show(_performance?: Performance): void {}
}
