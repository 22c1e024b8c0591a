import { expect, test } from 'vitest'
import { isAsShown, runInSession, shellCommands } from './shell-session.ts'
import { temporaryFolder } from './temporary-folder.ts'

test('a block divides into commands, their further lines, and what they print', () => {
  expect(shellCommands('$ for n in 1 2; do\n>   echo $n\n> done\n1\n2\n$ true\n')).toEqual([
    { command: 'for n in 1 2; do\n  echo $n\ndone', expected: '1\n2\n' },
    { command: 'true', expected: '' },
  ])
  expect(() => shellCommands('1\n$ true\n')).toThrow('output without a command: 1')
})

test('commands share one shell; each has its output, stderr too, and its status', async () => {
  const commands = ['cd examples; name=loglady', 'ls; echo $name >&2; false', 'echo $?', 'printf x']
  expect(await runInSession(temporaryFolder(), commands)).toEqual([
    { output: '', status: 0 },
    { output: 'library.mjs\nloglady\n', status: 1 },
    { output: '1\n', status: 0 },
    { output: 'x', status: 0 },
  ])
})

test('what a document shows is held against the output, but for what it leaves open', () => {
  expect(isAsShown('a.b (1)\n', 'a.b (1)\n')).toBe(true)
  expect(isAsShown('a+b (1)\n', 'a.b (1)\n')).toBe(false)
  expect(isAsShown('took 12 ms\n', 'took … ms\n')).toBe(true)
  expect(isAsShown('took 1\n2 ms\n', 'took … ms\n')).toBe(false)
  expect(isAsShown('a\nb\nc\nd\n', 'a\n…\nd\n')).toBe(true)
  expect(isAsShown('a\nd\n', 'a\n…\nd\n')).toBe(true)
  expect(isAsShown('a', 'a\n')).toBe(false)
  expect(isAsShown('a\nb\n', 'a\n')).toBe(false)
})
