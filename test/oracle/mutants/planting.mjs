/**
 * Plants the fault that BATON_FAULT holds: a mutant as JSON, none when it is not set. In memory only, as the transformer of jest (jest.config.mjs) or
 * by the hook of planted-process.mjs.
 */
import { pathToFileURL } from 'node:url';
import swc from '@swc/jest';
import { planted } from '../../support/planted.mjs';

export const fault = JSON.parse(process.env.BATON_FAULT ?? 'null');
/** The URL of its file. */
export const faulty = fault && new URL(`../../../packages/${fault.file}`, import.meta.url).href;

/** Transformer of jest. Its cache goes by the text, so that it knows the faulty file from the sound one. */
export default {
  createTransformer(options) {
    const sound = swc.createTransformer(options);
    const method =
      (name) =>
      (text, path, ...rest) =>
        sound[name](pathToFileURL(path).href === faulty ? planted(text, fault) : text, path, ...rest);
    return {
      process: method('process'),
      processAsync: method('processAsync'),
      getCacheKey: method('getCacheKey'),
    };
  },
};
