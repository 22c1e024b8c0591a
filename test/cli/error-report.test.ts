import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { formatReport, formatReportAsJson, reportError } from '../../src/cli/error-report.ts'
import { exitCodeFor, exitCodes } from '../../src/cli/exit-codes.ts'
import * as engine from '../../src/log/index.ts'
import { CorruptLogError, errorCodes, InvalidArgumentError, LockedError, NotFoundError } from '../../src/log/index.ts'

const corrupt = new CorruptLogError('CRC mismatch', {
  path: '/data/default-0/00000000000000001024.log',
  position: 73_728,
  firstOffset: 1301,
  lastOffset: 1340,
  hint: 'loglady repair default/0',
})

test('an error is one line, path first, and a hint', () => {
  const text = formatReport(reportError(corrupt, { directory: '/data' }), 'loglady read')
  expect(text).toBe(
    'loglady read: default-0/00000000000000001024.log: CRC mismatch at byte 73728 (offsets 1301-1340)\n' +
      'hint: loglady repair default/0\n',
  )
})

test('a path outside of the data directory stays whole', () => {
  for (const directory of ['/dat', '/other', undefined]) {
    expect(reportError(corrupt, { directory }).line).toMatch(/^\/data\/default-0\//)
  }
})

test('as JSON it has the fields of the engine', () => {
  const json = formatReportAsJson(reportError(corrupt, { directory: '/data' }), 'loglady read')
  expect(json.endsWith('}\n') && json.indexOf('\n') === json.length - 1).toBe(true)
  expect(JSON.parse(json)).toEqual({
    error: 'LOGLADY_CORRUPT_LOG',
    command: 'loglady read',
    message: 'CRC mismatch',
    path: '/data/default-0/00000000000000001024.log',
    position: 73_728,
    firstOffset: 1301,
    lastOffset: 1340,
    hint: 'loglady repair default/0',
    exitCode: 3,
  })
})

test('whatever a message holds, it stays one line and can not steer the terminal', () => {
  const error = new NotFoundError('no topic "a\nb\u001b[31m\u0007"', { hint: 'one\ntwo' })
  const text = formatReport(reportError(error), 'loglady read')
  expect(text).toBe('loglady read: no topic "a\\nb\\x1b[31m\\x07"\nhint: one\\ntwo\n')
})

test('a failed system call is told with its path and without a stack', () => {
  let error: unknown
  try {
    readFileSync('/nowhere/file')
  } catch (thrown) {
    error = thrown
  }
  const report = reportError(error)
  expect(report).toMatchObject({ code: 'ENOENT', path: '/nowhere/file', exitCode: 2 })
  expect(report.line).toBe('/nowhere/file: no such file or directory (ENOENT)')
})

test('a bug is told as one', () => {
  const report = reportError(new TypeError('x is not a function'))
  expect(report).toMatchObject({ code: 'LOGLADY_INTERNAL', exitCode: 2 })
  expect(report.line).toBe('internal error: x is not a function')
  expect(reportError('text').line).toBe('text')
})

test('what oclif writes around the message of a flag is taken off', () => {
  const error = new InvalidArgumentError('"x" is no size')
  error.message = `Parsing --segment-bytes \n\t${error.message}\nSee more help with --help`
  expect(reportError(error)).toMatchObject({ line: '--segment-bytes: "x" is no size', exitCode: 2 })
})

test('every error of the engine has an exit code', () => {
  const classes = Object.values(engine).filter(
    value => typeof value === 'function' && value.prototype instanceof engine.LogladyError,
  ) as (new (
    message: string,
  ) => engine.LogladyError)[]
  const codes = new Map(classes.map(Class => [new Class('x').code, exitCodeFor(new Class('x'))]))
  expect([...codes.keys()].sort()).toEqual([...errorCodes].sort())
  expect([...new Set(codes.values())].sort()).toEqual([2, 3, 4])
})

test('exit codes: usage, damage, locked, a reader that left, anything else', () => {
  expect(exitCodeFor(new InvalidArgumentError('x'))).toBe(exitCodes.usage)
  expect(exitCodeFor(corrupt)).toBe(exitCodes.damage)
  expect(exitCodeFor(new LockedError('x'))).toBe(exitCodes.locked)
  expect(exitCodeFor(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }))).toBe(exitCodes.done)
  expect(exitCodeFor(new Error('x'))).toBe(exitCodes.usage)
  expect(exitCodeFor(undefined)).toBe(exitCodes.usage)
})
