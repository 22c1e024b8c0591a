import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { execa } from 'execa'
import { checkout } from './documents.ts'
import { childEnvironment, logladyInShell, nodeExecutable } from './run-loglady.ts'

export interface ShellCommand {
  command: string
  /** What shall stand below it, each line with its newline. */
  expected: string
}

/**
 * A block as a terminal shows it: a command behind `$ `, its further lines behind `> `, then what it prints.
 */
export function shellCommands(block: string): ShellCommand[] {
  const commands: ShellCommand[] = []
  for (const line of block.split('\n').slice(0, -1)) {
    const last = commands.at(-1)
    if (line.startsWith('$ ')) commands.push({ command: line.slice(2), expected: '' })
    else if (last === undefined) throw new Error(`output without a command: ${line}`)
    else if (line.startsWith('> ') && last.expected === '') last.command += `\n${line.slice(2)}`
    else last.expected += `${line}\n`
  }
  return commands
}

/** A command that waits for ever shall not take the test, which would then not show which one it was, with it. */
const limitMs = 90_000

/** Between the outputs; no document prints it. */
const separator = '\x1e'

/**
 * Runs commands in one shell, in `folder` with loglady on its PATH and the checkout's examples in it, and gives for each what
 * it printed, stdout and stderr in their order, and its exit status.
 */
export async function runInSession(
  folder: string,
  commands: readonly string[],
): Promise<{ output: string; status: number }[]> {
  const [place, bin] = [join(folder, 'session'), join(folder, 'bin')]
  for (const path of [place, bin]) mkdirSync(path)
  writeFileSync(join(bin, 'loglady'), `#!/bin/sh\nexec ${logladyInShell} "$@"\n`)
  chmodSync(join(bin, 'loglady'), 0o755)
  symlinkSync(nodeExecutable, join(bin, 'node'))
  symlinkSync(join(checkout, 'examples'), join(place, 'examples'))
  const told = `status=$?; printf '${separator}%d${separator}' "$status"; (exit "$status")`
  const script = join(folder, 'session.sh')
  writeFileSync(script, ['exec 2>&1', ...commands.flatMap(command => [command, told]), 'exit 0', ''].join('\n'))
  const shell = execa('sh', [script], {
    cwd: place,
    stdin: 'ignore',
    stripFinalNewline: false,
    reject: false,
    // A group of its own, so that what a command has started ends with the shell.
    detached: true,
    extendEnv: false,
    env: childEnvironment({ PATH: [bin, process.env.PATH].join(delimiter), TZ: 'UTC', LC_ALL: 'C' }),
  })
  const limit = setTimeout(() => process.kill(-shell.pid!, 'SIGKILL'), limitMs)
  const { stdout } = await shell
  clearTimeout(limit)
  const pieces = stdout.split(separator)
  return commands.map((_, i) => ({ output: pieces[2 * i] ?? '', status: Number(pieces[2 * i + 1]) }))
}

/** Whether an output is what a document shows: `…` stands for anything in a line, and alone in a line for any lines. */
export function isAsShown(output: string, expected: string): boolean {
  const pattern = expected
    .split(/(?<=\n)/)
    .map(line => (line === '…\n' ? '(?:.*\n)*' : line.split('…').map(escapeRegExp).join('.*')))
    .join('')
  return new RegExp(`^${pattern}$`).test(output)
}

function escapeRegExp(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
}
