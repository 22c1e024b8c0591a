import { fileURLToPath } from 'node:url'
import { execa, type Options, type ResultPromise } from 'execa'

const checkout = fileURLToPath(new URL('../..', import.meta.url))

/** The checkout's own Node, whatever runs the tests. */
export const nodeExecutable = `${checkout}node_modules/.bin/node`

/** The real executable of the built dist, or what `$LOGLADY_BIN` names (an installed one, say). */
export const logladyCommand: [string, ...string[]] =
  process.env.LOGLADY_BIN === undefined ? [nodeExecutable, `${checkout}bin/run.js`] : [process.env.LOGLADY_BIN]

export interface RunResult {
  exitCode: number | undefined
  /** The signal that killed it; undefined if it ended by itself. */
  signal: string | undefined
  stdout: Buffer
  stderr: string
}

export interface RunOptions {
  cwd?: string
  /** The data directory, given as `$LOGLADY_DIR`. */
  dir?: string
  /** Bytes for stdin; without any, stdin is empty. */
  input?: string | Uint8Array
  /** Instead of `input`: a file to open as stdin. */
  inputFile?: string
  env?: Record<string, string | undefined>
}

/** Runs loglady to its end and never throws for an exit code. */
export async function runLoglady(args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const { input, inputFile } = options
  const source = inputFile === undefined ? { input: input ?? '' } : { inputFile }
  const result = await start(args, { ...source, ...placeOf(options), encoding: 'buffer', reject: false })
  return {
    exitCode: result.exitCode,
    signal: result.signal,
    stdout: Buffer.from(result.stdout as Uint8Array),
    stderr: Buffer.from(result.stderr as Uint8Array).toString(),
  }
}

/** The same for a command whose success the test takes for granted: stdout as text; anything else is an error with both outputs. */
export async function loglady(args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { exitCode, signal, stdout, stderr } = await runLoglady(args, options)
  if (exitCode === 0) return stdout.toString()
  throw new Error(`loglady ${args.join(' ')}: exit ${exitCode ?? signal}\n--- stdout\n${stdout}\n--- stderr\n${stderr}`)
}

/**
 * Starts loglady with three pipes, for tests that talk to it while it runs: write to `.stdin`, read `.stdout`, `.kill('SIGINT')`,
 * await the result, which never rejects. Listen to `.stdout` at once: it is not collected, and what nobody listens to when
 * the process ends is thrown away. For a slow reader take a shell, `… | (sleep 1; cat)`, which makes a real pipe.
 */
export function startLoglady(args: readonly string[], options: RunOptions & { execa?: Options } = {}): RunningLoglady {
  const started = start(args, { ...placeOf(options), ...runningOptions, ...options.execa })
  return started as RunningLoglady
}

const runningOptions = { encoding: 'buffer', reject: false, buffer: false } as const
export type RunningLoglady = ResultPromise<typeof runningOptions>

/** What a shell puts in front of the arguments to run loglady in a pipeline: `sh -c "${logladyInShell} read | head -1"`. */
export const logladyInShell = logladyCommand.map(word => `'${word.replaceAll("'", "'\\''")}'`).join(' ')

/** The environment for children: without what vitest and this machine put there, as it changes what oclif and Node do. */
export function childEnvironment(extra: Record<string, string | undefined> = {}): NodeJS.ProcessEnv {
  const environment: NodeJS.ProcessEnv = { ...process.env, NO_COLOR: undefined, LOGLADY_DIR: undefined, ...extra }
  const unwanted = ['NODE_EXTRA_CA_CERTS', 'NODE_ENV', 'NODE_OPTIONS', 'FORCE_COLOR', 'VITEST', 'VITEST_POOL_ID', 'DEV']
  for (const name of unwanted) if (!(name in extra)) delete environment[name]
  for (const [name, value] of Object.entries(environment)) if (value === undefined) delete environment[name]
  return environment
}

function placeOf({ cwd, dir, env }: RunOptions): Options {
  return { cwd, extendEnv: false, env: childEnvironment({ LOGLADY_DIR: dir, ...env }) }
}

function start(args: readonly string[], options: Options): ResultPromise {
  const [file, ...before] = logladyCommand
  return execa(file, [...before, ...args], { stripFinalNewline: false, ...options })
}
