import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { childEnvironment } from './run-loglady.ts'

/** Whether a terminal can be had: `script` of util-linux makes one. */
export const hasTerminal =
  spawnSync('script', ['--version'], { encoding: 'utf8' }).stdout?.includes('util-linux') ?? false

/**
 * Runs a shell line whose three standard streams are a terminal, types `input` as soon as `prompt` shows up, and gives what
 * the terminal showed (with CRLF turned to LF) and the exit code.
 */
export async function runInTerminal(
  line: string,
  { dir, prompt, input = '' }: { dir?: string; prompt?: string; input?: string } = {},
): Promise<{ shown: string; exitCode: number | null }> {
  const env = childEnvironment({ LOGLADY_DIR: dir, TERM: 'xterm', COLUMNS: '200' })
  const child = spawn('script', ['-qec', line, '/dev/null'], { env, stdio: ['pipe', 'pipe', 'inherit'] })
  let shown = ''
  let waiting = prompt
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    shown += text
    if (waiting === undefined || !shown.includes(waiting)) return
    waiting = undefined
    child.stdin.write(input)
  })
  const [exitCode] = (await once(child, 'close')) as [number | null]
  return { shown: shown.replaceAll('\r\n', '\n'), exitCode }
}
