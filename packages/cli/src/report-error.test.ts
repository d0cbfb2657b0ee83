import { describe, expect, it } from '@jest/globals';
import { InputError } from '@baton/core';
import { reportError } from './report-error.js';

describe('an error for people', () => {
  it('is one line, and text from outside cannot move the cursor', () => {
    let text = '';
    const error = new InputError('BATON_INPUT_INVALID', 'field \u001b[2Jx\n  is bad');
    reportError(error, { json: false, write: (more) => void (text += more) });
    expect(text).toMatch(/^baton: field ·\[2Jx is bad \(BATON_INPUT_INVALID\)\n {2}→ [^\n]+\n$/);
  });
});
