import { copyFileSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { inspectIndex, inspectWhole } from '../../../src/log/maintenance/inspect-index.ts'
import { LogInspection } from '../../../src/log/maintenance/inspect-log.ts'
import type { FileReport } from '../../../src/log/maintenance/inspect-report.ts'
import { inspectSmallFile } from '../../../src/log/maintenance/inspect-small-file.ts'
import { type InspectTarget, inspectTargets } from '../../../src/log/maintenance/inspect-target.ts'
import { fixtureFolder, goldenCases } from '../../helpers/golden.ts'
import { goldenDumps } from '../../helpers/golden-dumps.ts'
import { goldenFiles, goldenName } from '../../helpers/golden-files.ts'
import { temporaryFolder } from '../../helpers/temporary-folder.ts'

async function inspect(target: InspectTarget): Promise<FileReport> {
  if (target.kind === 'index' || target.kind === 'timeindex') return inspectIndex(target.path, target.kind)
  if (target.kind !== 'log') return inspectSmallFile(target.path, target.kind)
  const inspection = new LogInspection(target.context, { checkRecords: true })
  try {
    return await inspectWhole(inspection)
  } finally {
    inspection.close()
  }
}

function expectClean(report: FileReport): void {
  expect({
    path: report.path,
    verdict: report.verdict,
    wrong: report.findings.filter(({ verdict }) => verdict !== 'clean'),
  }).toEqual({
    path: report.path,
    verdict: 'clean',
    wrong: [],
  })
}

describe('every directory that Kafka wrote is clean', () => {
  test.each(goldenCases().map(golden => [golden.name, golden.logDirectory]))('%s', async (_name, directory) => {
    const targets = inspectTargets(directory)
    expect(targets.length).toBeGreaterThan(0)
    for (const target of targets) expectClean(await inspect(target))
  })
})

const endings = [
  '.log',
  '.index',
  '.timeindex',
  '.txnindex',
  '.snapshot',
  '.deleted',
  'checkpoint',
  '.metadata',
  '.properties',
]

describe('every file that Kafka wrote is clean, beside the others and by itself', () => {
  test.each(endings.map(ending => [ending, goldenFiles(ending)] as const))('%s', async (_ending, files) => {
    expect(files.length).toBeGreaterThan(0)
    for (const path of files) {
      for (const target of inspectTargets(path)) expectClean(await inspect(target))
      const alone = join(temporaryFolder(), basename(path))
      copyFileSync(path, alone)
      for (const target of inspectTargets(alone)) expectClean(await inspect(target))
    }
  })
})

test('batches and records are counted as kafka-dump-log shows them', async () => {
  const dumps = goldenDumps('.log')
  expect(dumps.length).toBeGreaterThan(100)
  for (const { path, lines } of dumps) {
    const [target] = inspectTargets(path)
    expect(await inspect(target!), goldenName(path)).toMatchObject({
      batches: lines.filter(line => line.startsWith('baseOffset:')).length,
      records: lines.filter(line => line.startsWith('| offset:')).length,
    })
  }
})

test('of compressed message sets of magic 0 and 1 the records inside are counted', async () => {
  const path = goldenFiles('.log').find(name => name.includes('legacy-0'))!
  const lines = readFileSync(join(fixtureFolder, 'legacy.dump.txt'), 'latin1').split('\n')
  const [target] = inspectTargets(path)
  expect(await inspect(target!)).toMatchObject({
    batches: lines.filter(line => line.startsWith('offset:')).length,
    records: lines.filter(line => line.startsWith('| offset:')).length,
    firstOffset: 0,
  })
})
