/** `baton example approval`: a cluster on this machine, its API, and a job that waits for a person. */
import type { Command } from 'commander';
import { Stage } from '../demo/stage.js';
import { playApproval, type Mail } from '../examples/approval.js';
import { exitCodes } from '../exit-codes.js';
import { Invocation } from '../invocation.js';
import type { Run } from '../run.js';
import { stopSignals } from '../stop-signals.js';
import { version } from '../version.js';

const closeWithinMs = 1_000;

export function addApprovalExample(example: Command, run: Run): void {
  example
    .command('approval')
    .description('a job that waits for a person, who is sent a link')
    .option('--listen <host:port>', 'where the API answers; port 0: any free one')
    .action(run(approval));
}

async function approval(invocation: Invocation): Promise<number> {
  const { environment, settings } = invocation;
  const logger = invocation.logger('command');
  const runtime = invocation.runtime(logger);
  const stop = stopSignals(runtime);
  const stage = await Stage.open({ environment: environment.forChildren, logger, embedded: true });
  const inner = new Invocation(environment, {}, { 'local.socket': stage.address ?? '' });
  const { ApiServer } = await import('@baton/api');
  let server: InstanceType<typeof ApiServer> | undefined;
  const say = (text: string): void => void process.stdout.write(`${text}\n`);
  try {
    say('A conductor, a worker and the API start, and a job is posted that waits for a person.');
    const client = await inner.client();
    const results = await playApproval({
      ...{ stage, client, signal: stop.signal },
      listen: (delegateKeys) => {
        server = new ApiServer({ client, runtime, version, delegateKeys });
        return server.listen(settings.get('http.listen'));
      },
      onMail: (mail, jobId) => say(mailText(mail, jobId)),
    });
    say(`The job has ended: ${JSON.stringify(results)}`);
    return exitCodes.ok;
  } catch (error) {
    if (stop.signal.aborted) return exitCodes.interrupted;
    throw error;
  } finally {
    stop.dispose();
    await server?.close({ withinMs: closeWithinMs });
    await inner.close();
    await stage.close();
  }
}

function mailText({ subject, url }: Mail, jobId: string): string {
  return [
    '',
    `Mail: ${subject}`,
    `  ${url}`,
    '',
    `Job ${jobId} waits. Open the link in a browser; or in another terminal:`,
    `  curl -s '${url}'`,
    `  curl -s '${url}/complete' -H 'content-type: application/json' -d '{"value":{"by":"ann","ok":true}}'`,
    '',
  ].join('\n');
}
