import { expect, test } from 'vitest'
import { medianOf, statisticsOf } from '../../../src/cli/bench/statistics.ts'

test('mean, median, least, greatest, and the standard deviation of a sample', () => {
  expect(statisticsOf([2, 4, 4, 4, 5, 5, 7, 9])).toEqual({
    mean: 5,
    stddev: Math.sqrt(32 / 7),
    median: 4.5,
    min: 2,
    max: 9,
  })
})

test('a single run has no standard deviation', () => {
  expect(statisticsOf([3])).toEqual({ mean: 3, stddev: null, median: 3, min: 3, max: 3 })
})

test('the order of the runs does not matter for the median', () => {
  expect(medianOf([9, 1, 5])).toBe(5)
  expect(medianOf([10, 9, 100])).toBe(10)
})
