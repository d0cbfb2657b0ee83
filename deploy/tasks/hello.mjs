/** What the workers of compose.yaml offer; put your own module in its place. It is loaded from inside the image, beside its packages. */
import { linear, task, type } from '@baton/flow';

export const greet = task('hello.greet', {
  requires: { name: type() },
  provides: 'greeting',
  execute: ({ name }) => `Hello, ${name}`,
});

export default linear('hello').add(greet);
