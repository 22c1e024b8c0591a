import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Command } from '@oclif/core/command'
import type { ArgInput, FlagInput } from '@oclif/core/interfaces'
import { describe, expect, test } from 'vitest'
import { markValues } from '../../src/cli/argv.ts'
import { LogladyCommand } from '../../src/cli/base-command.ts'
import { flagsWithNegativeValues } from '../../src/cli/flags.ts'
import { runLoglady } from '../helpers/run-loglady.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = join(root, 'src/commands')
const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.ts'))
const commands = await Promise.all(
  files.map(async file => {
    const { default: Class } = (await import(join(folder, file))) as { default: Command.Class }
    const id = file
      .replace(/\.ts$/, '')
      .replace(/(^|\/)index$/, '')
      .replaceAll('/', ' ')
    return { id, file, Class, flags: { ...Class.baseFlags, ...Class.flags } as FlagInput, args: Class.args as ArgInput }
  }),
)
const flagsOf = new Map(commands.flatMap(({ id, Class, flags }) => [id, ...Class.aliases].map(name => [name, flags])))

test('there are commands', () => {
  expect(commands.map(({ id }) => id)).toContain('topics')
})

describe.each(commands)('$id', ({ id, Class, flags, args }) => {
  test('is a LogladyCommand, with our own -J instead of oclif’s', () => {
    expect(Class.prototype).toBeInstanceOf(LogladyCommand)
    expect(Class.enableJsonFlag).toBe(false)
  })

  // Oclif fills a missing positional from stdin otherwise, which eats the records of a pipe and the input of a `while read`.
  test('no argument is ever taken from stdin', () => {
    for (const [name, arg] of Object.entries(args)) expect(arg.ignoreStdin, name).toBe(true)
    for (const [name, flag] of Object.entries(flags)) {
      expect(flag.type === 'option' ? (flag.allowStdin ?? false) : false, name).toBe(false)
    }
  })

  test('no repeatable flag swallows the positionals behind it', () => {
    for (const [name, flag] of Object.entries(flags)) {
      if (flag.type === 'option' && flag.multiple) expect(flag.multipleNonGreedy, name).toBe(true)
    }
  })

  test('no two flags share a letter', () => {
    const letters = Object.values(flags).flatMap(({ char, charAliases = [] }) =>
      char ? [char, ...charAliases] : charAliases,
    )
    expect(letters.filter((letter, index) => letters.indexOf(letter) !== index)).toEqual([])
  })

  test('has a summary of one line, a description, and says what each flag and argument is', () => {
    expect(Class.summary).toMatch(/^[A-Z].*\.$/)
    expect(Class.description?.length).toBeGreaterThan(40)
    for (const [name, { description, summary }] of [...Object.entries(flags), ...Object.entries(args)] as [
      string,
      FlagInput[string],
    ][]) {
      expect(description ?? summary, name).toBeTruthy()
    }
  })

  test('its examples use commands and flags that there are', () => {
    const examples = examplesOf(Class)
    expect(examples.length).toBeGreaterThan(0)
    expect(examples.some(example => example.includes(`loglady ${id}`))).toBe(true)
    for (const words of examples.flatMap(invocationsIn)) expectKnownFlags(words)
  })
})

test('the manifest that the build wrote has exactly these commands', () => {
  const manifest = JSON.parse(readFileSync(join(root, 'oclif.manifest.json'), 'utf8'))
  expect(Object.keys(manifest.commands).sort()).toEqual(commands.map(({ id }) => id.replaceAll(' ', ':')).sort())
})

describe.each(commands)('loglady $id --help', ({ id, flags }) => {
  test('opens with examples and names every flag', async () => {
    const { exitCode, stdout, stderr } = await runLoglady([...id.split(' '), '--help'])
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
    const text = stdout.toString()
    expect(text).toMatch(/^EXAMPLES\n {2}# .*\n {2}\$ .*loglady /)
    expect(text.indexOf('USAGE')).toBeGreaterThan(text.indexOf('EXAMPLES'))
    for (const [name, { hidden }] of Object.entries(flags)) if (!hidden) expect(text).toContain(`--${name}`)
  })
})

function examplesOf(Class: Command.Class): string[] {
  return (Class.examples ?? []).map(example => (typeof example === 'string' ? example : example.command))
}

/** The words behind each `loglady` of a shell line, without redirections. */
function invocationsIn(line: string): string[][] {
  const words = [...line.matchAll(/'[^']*'|"[^"]*"|[|;&()]+|\$\(|[^\s'"|;&()]+(?:'[^']*'|"[^"]*")?/g)].map(
    match => match[0],
  )
  const invocations: string[][] = []
  let current: string[] | undefined
  for (const word of words) {
    if (word === 'loglady') {
      current = []
      invocations.push(current)
    } else if (/^[|;&()]|^\$\($/.test(word)) current = undefined
    else current?.push(word)
  }
  return invocations
}

function expectKnownFlags(words: string[]): void {
  const id = [words.slice(0, 2).join(' '), words[0] ?? ''].find(name => flagsOf.has(name))
  expect(id, `command of: ${words.join(' ')}`).toBeDefined()
  const flags = flagsOf.get(id!)!
  const known = new Set(
    Object.entries(flags).flatMap(([name, { char, aliases = [] }]) => [
      `--${name}`,
      ...aliases.map(alias => `--${alias}`),
      `-${char}`,
    ]),
  )
  const rest = words.slice(id!.split(' ').length)
  // Values are marked and clusters divided, so what still begins with a dash is a flag.
  for (const token of markValues(rest, flags, flagsWithNegativeValues)) {
    if (/^-\d*$/.test(token) || !token.startsWith('-')) continue
    const letters = token.startsWith('--') ? [token] : [...token.slice(1)].map(letter => `-${letter}`)
    for (const flag of letters) expect([...known], `loglady ${words.join(' ')}`).toContain(flag)
  }
}
