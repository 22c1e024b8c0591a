import { basename, join } from 'node:path'
import { expect, test } from 'vitest'
import { type FileReport, inspect, isSmallFile, isWrong, worst } from '../../../src/log/index.ts'
import { fixtureFolder } from '../../helpers/golden.ts'

test('a program gets a report for each file of a folder', async () => {
  const reports: FileReport[] = []
  for await (const report of inspect(join(fixtureFolder, 'golden-0'), { checkRecords: true })) reports.push(report)
  expect(reports.map(({ path, verdict }) => `${basename(path)} ${verdict}`)).toEqual([
    '00000000000000000000.log clean',
    '00000000000000000418.log clean',
    '00000000000000000000.txnindex clean',
    '00000000000000000418.snapshot clean',
    '00000000000000000538.snapshot clean',
    'leader-epoch-checkpoint clean',
    'partition.metadata clean',
  ])
  expect(reports.filter(isSmallFile)).toHaveLength(5)
  expect(JSON.parse(JSON.stringify(reports))).toEqual(reports)
})

test('of several verdicts the worst counts', () => {
  expect(worst([])).toBe('clean')
  expect(worst(['clean', 'in flight', 'wrong index', 'clean'])).toBe('wrong index')
  expect(worst(['torn tail', 'damaged', 'wrong index'])).toBe('damaged')
  expect((['clean', 'in flight', 'wrong index', 'torn tail', 'damaged'] as const).filter(isWrong)).toEqual([
    'wrong index',
    'torn tail',
    'damaged',
  ])
})
