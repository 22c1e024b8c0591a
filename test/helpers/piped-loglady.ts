import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { promisify } from 'node:util'
import { onTestFinished } from 'vitest'
import { childEnvironment, logladyInShell } from './run-loglady.ts'

export interface ShellResult {
  stdout: string
  stderr: string
  exitCode: number
}

/**
 * Runs a line of bash with real pipes between its commands (Node's own are sockets), in which `loglady` is ours. Stdin is
 * empty.
 */
export async function shell(line: string, { dir }: { dir?: string } = {}): Promise<ShellResult> {
  const script = `loglady() { ${logladyInShell} "$@"; }; ${line}`
  const options = { env: childEnvironment({ LOGLADY_DIR: dir }), maxBuffer: 1 << 30 }
  const running = promisify(execFile)('bash', ['-c', script], options)
  running.child.stdin?.end()
  const { stdout, stderr } = await running.catch((error: { stdout: string; stderr: string }) => error)
  return { stdout, stderr, exitCode: running.child.exitCode ?? -1 }
}

export interface PipedLoglady {
  /** The process of loglady itself, so signals reach it. */
  readonly child: ChildProcess
  readonly pid: number
  /** What the reader printed so far, and what loglady said on stderr. */
  readonly stdout: () => string
  readonly stderr: () => string
  /** Resolves with the exit code, or the name of a signal that killed it. */
  readonly ended: Promise<number | NodeJS.Signals>
}

/** Starts loglady with its stdout in a pipe to a shell command. Both are killed when the test is over. */
export function pipeInto(reader: string, args: readonly string[], { dir }: { dir?: string } = {}): PipedLoglady {
  const script = `exec ${logladyInShell} "$@" > >(${reader})`
  const env = childEnvironment({ LOGLADY_DIR: dir })
  const child = spawn('bash', ['-c', script, 'bash', ...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  onTestFinished(() => {
    try {
      process.kill(-child.pid!, 'SIGKILL')
    } catch {
      // All of the group have ended.
    }
  })
  const collect = (stream: NodeJS.ReadableStream) => {
    let text = ''
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
    })
    return () => text
  }
  return {
    child,
    pid: child.pid!,
    stdout: collect(child.stdout),
    stderr: collect(child.stderr),
    ended: once(child, 'exit').then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals),
  }
}
