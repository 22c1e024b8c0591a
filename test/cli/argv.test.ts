import * as Flags from '@oclif/core/flags'
import { parse } from '@oclif/core/parser'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { markValues, wantsJson, withMarksRemoved } from '../../src/cli/argv.ts'
import { flagsWithNegativeValues, nulFlag } from '../../src/cli/flags.ts'

const flags = {
  key: Flags.string({ char: 'k' }),
  grep: Flags.string({ char: 'g', aliases: ['regexp'] }),
  offset: Flags.string({ char: 'o' }),
  sync: Flags.option({ options: ['end', 'never'] as const })(),
  config: Flags.string({ multiple: true, multipleNonGreedy: true }),
  verbose: Flags.boolean({ char: 'v' }),
  follow: Flags.boolean({ char: 'f', allowNo: true }),
  nul: nulFlag,
}

async function parsed(...argv: string[]) {
  const marked = markValues(argv, flags, flagsWithNegativeValues)
  const { flags: values, argv: rest } = await parse(marked, { flags: withMarksRemoved(flags), strict: false })
  return { ...values, rest }
}

test.each<[string[], object]>([
  [['--grep=-v', 't'], { grep: '-v', rest: ['t'] }],
  [['--regexp=--key', 't'], { grep: '--key', rest: ['t'] }],
  [['-g-v'], { grep: '-v' }],
  [['-k='], { key: '=' }],
  [['-k=x'], { key: 'x' }],
  [['-k=='], { key: '=' }],
  [['-k:'], { key: ':' }],
  [['--key='], { key: '' }],
  [['--key=a=b'], { key: 'a=b' }],
  [['--key', ''], { key: '' }],
  [['-vk-f', 't'], { verbose: true, key: '-f', rest: ['t'] }],
  [['-vf0'], { verbose: true, follow: true, nul: true }],
  [['-v0k', 'x'], { verbose: true, nul: true, key: 'x' }],
  [['-o', '-0'], { offset: '-0' }],
  [['-o', '-10'], { offset: '-10' }],
  [['-o-10'], { offset: '-10' }],
  [['--offset=-0'], { offset: '-0' }],
  [['--offset', '-0', '-0'], { offset: '-0', nul: true }],
  [['--config', 'a=1', 't', '--config=b=-2'], { config: ['a=1', 'b=-2'], rest: ['t'] }],
  [['--no-follow'], { follow: false }],
  [['--key', '--', 't'], { key: '--', rest: ['t'] }],
  [['t', '--', '-v', '--grep=-v'], { rest: ['t', '-v', '--grep=-v'] }],
  [['-', 't'], { rest: ['-', 't'] }],
  [['--sync=never'], { sync: 'never' }],
])('%j', async (argv, expected) => {
  expect(await parsed(...argv)).toMatchObject(expected)
})

test('a flag behind an option that needs a value is still taken for a forgotten value', async () => {
  await expect(parsed('--key', '-v')).rejects.toThrow('Flag --key expects a value')
  await expect(parsed('-k', '-0')).rejects.toThrow('Flag --key expects a value')
  await expect(parsed('-k')).rejects.toThrow('Flag --key expects a value')
})

test('a switch takes no value, instead of turning it into a topic', async () => {
  await expect(parsed('--follow=yes')).rejects.toThrow('--follow takes no value')
  await expect(parsed('--no-follow=1')).rejects.toThrow('--no-follow takes no value')
})

test('a value that is none of the options is refused without the mark', async () => {
  await expect(parsed('--sync=-x')).rejects.toThrow('"-x" is none of end, never')
  await expect(parsed('--sync', 'x')).rejects.toThrow('"x" is none of end, never')
})

test('any value arrives as it was written, with = and attached', async () => {
  const property = fc.asyncProperty(fc.string({ unit: 'grapheme' }), async value => {
    fc.pre(!value.includes('\0'))
    expect(await parsed(`--key=${value}`)).toMatchObject({ key: value, rest: [] })
    // getopt's own exception: nothing attached is a value in the next argument; ours: one `=` in front goes.
    fc.pre(value !== '' && !/^=./s.test(value))
    expect(await parsed(`-vk${value}`, 't')).toMatchObject({ key: value, verbose: true, rest: ['t'] })
  })
  await fc.assert(property)
})

test.each([
  [['read', '-J'], true],
  [['read', '--json', '--nope'], true],
  [['read', '-qJ'], true],
  [['read', '-rJ', 'x'], true],
  [['read'], false],
  [['read', '--', '-J'], false],
  [['read', '--jsonx'], false],
])('%j wants JSON errors: %s', (argv, wanted) => {
  expect(wantsJson(argv)).toBe(wanted)
})
