import { expect, test } from 'vitest'
import { Latencies } from '../../../src/cli/bench/latencies.ts'
import {
  formatMeasured,
  formatReadBack,
  formatRuns,
  formatSettings,
  jsonResults,
} from '../../../src/cli/bench/report.ts'
import type { Run } from '../../../src/cli/bench/runs.ts'

function run(seconds: number, latency: number): Run {
  const latencies = new Latencies()
  latencies.add(latency, 5_000_000)
  return {
    seconds,
    user: seconds / 2,
    system: seconds / 4,
    records: 5_000_000,
    bytes: 500_000_000,
    latencies,
    exitCode: 0,
  }
}

const measured = {
  name: 'append',
  verb: 'sent',
  paired: {
    loglady: { command: 'own', runs: [run(2, 0.4), run(1.5, 0.4), run(1.6129, 0.4)] },
    baseline: { command: 'plain', runs: [run(1, 0.05), run(1, 0.05), run(0.5, 0.05)] },
  },
}

test('the line has the shape of kafka-producer-perf-test', () => {
  expect(formatRuns(measured.paired.loglady, 'sent')).toMatch(
    /^5000000 records sent, 3100006 records\/sec \(295\.6 MB\/sec\), 0\.4 ms avg latency, 0\.4 ms max latency, 0\.4 ms 50th, 0\.4 ms 95th, 0\.4 ms 99th, 0\.4 ms 99\.9th$/,
  )
})

test('beside it stand the baseline and the median of the ratios, pair by pair', () => {
  const [own, baseline, ratio] = formatMeasured(measured).split('\n')
  expect(own).toMatch(/^5000000 records sent, /)
  expect(baseline).toMatch(/^baseline: 5000000 records sent, 5000000 records\/sec .* 0\.050 ms 50th, .* \(plain\)$/)
  expect(ratio).toBe("ratio: 2.00 of the baseline's time (median of 3 pairs, 1.50 to 3.23)")
})

test("a result in JSON has hyperfine's fields, in seconds", () => {
  const [own, baseline] = jsonResults(measured)
  expect(own).toMatchObject({
    command: 'own',
    median: 1.6129,
    min: 1.5,
    max: 2,
    times: [2, 1.5, 1.6129],
    exit_codes: [0, 0, 0],
    job: 'append',
    role: 'loglady',
    ratio: 2,
  })
  expect(own.mean).toBeCloseTo(1.7043, 4)
  expect(own.user).toBeCloseTo(own.mean / 2)
  expect(own.system).toBeCloseTo(own.mean / 4)
  expect(baseline).toMatchObject({ command: 'plain', role: 'baseline', times: [1, 1, 0.5] })
})

test('a read-back that found something says what', () => {
  const counts = { records: 9, lost: 1, duplicated: 0, outOfOrder: 0, altered: 0 }
  expect(formatReadBack({ ...counts, problem: 'offset 3 holds record 4, expected 3' })).toBe(
    'read-back: 9 records, 1 lost, 0 duplicated, 0 out of order, 0 altered: offset 3 holds record 4, expected 3',
  )
})

test('the settings that a figure needs are in one line', () => {
  expect(
    formatSettings({
      records: 10,
      recordSize: 100,
      payloadFile: undefined,
      batchBytes: 65_536,
      segmentBytes: 2 ** 30,
      sync: { everyMs: 200 },
      compression: 'zstd',
      warmup: 1,
      runs: 5,
    }),
  ).toBe('10 records of 100 bytes, batches of 64.0 KiB, sync 200ms, compression zstd, segments of 1.0 GiB')
})
