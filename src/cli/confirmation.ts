import { InvalidArgumentError } from '../log/index.ts'

export interface ConfirmationOptions {
  /** `-y/--yes`: do not ask. */
  yes?: boolean
  /** `delete topic events?` */
  question: string
}

/**
 * Whether to go on with something that deletes, asked on a terminal with no as the default. Where nobody can be asked, and
 * -y was not given, it is an error: a script that hangs on a question is worse than one that stops.
 */
export async function isConfirmed({ yes, question }: ConfirmationOptions): Promise<boolean> {
  if (yes) return true
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw new InvalidArgumentError('will not delete without being asked', {
      hint: 'add -y, or --dry-run to only see the plan',
    })
  }
  const { createInterface } = await import('node:readline')
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  return new Promise(resolve => {
    terminal.question(`${question} [y/N] `, answer => {
      resolve(/^y(es)?$/i.test(answer.trim()))
      terminal.close()
    })
    // Ctrl-D is a no. Readline swallows Ctrl-C, which is meant for the whole command.
    terminal.once('close', () => resolve(false))
    terminal.once('SIGINT', () => process.kill(process.pid, 'SIGINT'))
  })
}
