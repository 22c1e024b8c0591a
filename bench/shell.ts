import { execa, type Options } from 'execa'

/** One timed run of a shell command: seconds. */
export interface ShellRun {
  seconds: number
  /** Of the shell's children. */
  user: number
  system: number
}

/**
 * Runs a command line in sh, as a user would, and times it from outside: start of all processes included. `times`, a command
 * of the shell, tells their processor time on a descriptor of its own. Any exit status but 0 is an error.
 */
export async function timeInShell(command: string, env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<ShellRun> {
  const script = `${command}\nstatus=$?\ntimes >&3\nexit $status`
  const began = performance.now()
  const times = await run(script, { stdio: ['ignore', 'inherit', 'inherit', 'pipe'], env }, signal)
  const seconds = (performance.now() - began) / 1000
  return { seconds, ...childTimes(times) }
}

/** The same for what is not timed. */
export async function runInShell(command: string, env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<void> {
  await run(command, { stdio: ['ignore', 'inherit', 'inherit'], env }, signal)
}

/** What was written to descriptor 3. */
async function run(script: string, options: Options, signal: AbortSignal): Promise<string> {
  signal.throwIfAborted()
  // In a group of its own, so that a signal ends the whole pipeline and not its shell alone.
  const shell = execa('sh', ['-c', script], { ...options, detached: true })
  const stop = () => process.kill(-shell.pid!, 'SIGTERM')
  signal.addEventListener('abort', stop)
  try {
    const { stdio } = await shell
    return String(stdio[3] ?? '')
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

/** The second line of `times` is about children: `0m1.230s 0m0.450s`. */
function childTimes(text: string): { user: number; system: number } {
  const [user = 0, system = 0] = [...(text.split('\n')[1] ?? '').matchAll(/(\d+)m([\d.]+)s/g)].map(
    ([, minutes, seconds]) => 60 * Number(minutes) + Number(seconds),
  )
  return { user, system }
}
