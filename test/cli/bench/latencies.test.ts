import { expect, test } from 'vitest'
import { Acknowledgements, Latencies } from '../../../src/cli/bench/latencies.ts'

test('percentiles are right to one percent, average and maximum are exact', () => {
  const latencies = new Latencies()
  for (let ms = 1; ms <= 1000; ms++) latencies.add(ms)
  const { average, max, p50, p95, p99, p999 } = latencies.summary()
  expect({ average, max }).toEqual({ average: 500.5, max: 1000 })
  for (const [found, expected] of [
    [p50, 500],
    [p95, 950],
    [p99, 990],
    [p999, 999],
  ] as const) {
    expect(Math.abs(found - expected) / expected).toBeLessThan(0.01)
  }
})

test('records weigh as many as they are', () => {
  const latencies = new Latencies()
  latencies.add(1, 990)
  latencies.add(100, 10)
  expect(latencies.summary()).toMatchObject({ average: 1.99, max: 100 })
  expect(latencies.summary().p50).toBeCloseTo(1, 1)
  expect(latencies.summary().p99).toBeCloseTo(1, 1)
  expect(latencies.summary().p999).toBeGreaterThan(99)
})

test('no percentile exceeds the maximum, and none of nothing is anything but 0', () => {
  const one = new Latencies()
  one.add(2.71)
  expect(one.summary().p999).toBeLessThanOrEqual(2.71)
  expect(new Latencies().summary()).toEqual({ average: 0, max: 0, p50: 0, p95: 0, p99: 0, p999: 0 })
})

test('runs are merged as if they were one', () => {
  const [whole, first, second] = [new Latencies(), new Latencies(), new Latencies()]
  for (let ms = 1; ms <= 200; ms++) {
    whole.add(ms)
    ;(ms % 3 === 0 ? first : second).add(ms)
  }
  first.merge(second)
  expect(first.summary()).toEqual(whole.summary())
})

test('each record is acknowledged with the group in which it was handed over', () => {
  const acknowledgements = new Acknowledgements()
  acknowledgements.handedOver(10, 0)
  acknowledgements.handedOver(30, 5)
  // All of the first group and half of the second.
  acknowledgements.acknowledged(20, 10)
  acknowledgements.acknowledged(30, 25)
  // 10 records took 10 ms, 10 took 5, 10 took 20.
  expect(acknowledgements.latencies.summary()).toMatchObject({ average: 350 / 30, max: 20 })
})
