import { expect, test } from 'vitest'
import { canDraw, formatProgress, startProgress } from '../../src/cli/progress.ts'

test('bytes with a total: share, rate and what is left', () => {
  const text = formatProgress({ label: 'checking', unit: 'bytes' }, 12 * 2 ** 20, 48 * 2 ** 20, 3000)
  expect(text).toBe('checking 12.0 MiB of 48.0 MiB (25%), 4.0 MiB/s, 9.0 s left')
})

test('records without a total', () => {
  expect(formatProgress({ label: 'reading', unit: 'records' }, 1_234_567, undefined, 2000)).toBe(
    'reading 1,234,567 records, 617,284 records/s',
  )
})

test('at the beginning and at the end nothing is divided by zero', () => {
  expect(formatProgress({ label: 'x', unit: 'segments' }, 0, 10, 0)).toBe('x 0 of 10 segments (0%), 0 segments/s')
  expect(formatProgress({ label: 'x', unit: 'segments' }, 10, 10, 1000)).toBe(
    'x 10 of 10 segments (100%), 10 segments/s',
  )
  expect(formatProgress({ label: 'x' }, 3, 0, 1000)).toBe('x 3, 3/s')
})

test('without a terminal there is no progress, whatever is reported', () => {
  const progress = startProgress({ label: 'x' })
  progress.update(1, 2)
  progress.end()
})

test('progress is drawn on a terminal that has a width, and nowhere else', () => {
  expect(canDraw({ isTTY: true, columns: 80 })).toBe(true)
  expect(canDraw({ isTTY: true, columns: 0 })).toBe(false)
  expect(canDraw({})).toBe(false)
})
