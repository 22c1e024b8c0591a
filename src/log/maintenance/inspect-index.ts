import { statSync } from 'node:fs'
import { basename } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { NotFoundError } from '../errors.ts'
import { parseSegmentFileName } from '../file/names.ts'
import { OffsetIndex } from '../file/offset-index.ts'
import { TimeIndex } from '../file/time-index.ts'
import { OffsetIndexCheck, TimeIndexCheck } from './index-check.ts'
import { findingOf, strayBytes, summaryOf } from './index-pair-check.ts'
import { segmentContext, siblingPath } from './inspect-context.ts'
import { LogInspection } from './inspect-log.ts'
import { type Finding, type IndexReport, type LogReport, type SmallFileEntry, worst } from './inspect-report.ts'

/** Between two turns of the event loop: a signal or the screen should not wait for a whole segment. */
const BYTES_A_TURN = 1 << 25

export type OnProgress = (bytesDone: number, bytesTotal: number) => void

/** Goes through a whole log without showing its batches. */
export async function inspectWhole(inspection: LogInspection, onProgress?: OnProgress): Promise<LogReport> {
  const total = statSync(inspection.context.logPath, { throwIfNoEntry: false })?.size ?? 0
  let turn = BYTES_A_TURN
  for (let step = inspection.next(); step !== 'end'; step = inspection.next()) {
    if (inspection.nextPosition < turn) continue
    turn = inspection.nextPosition + BYTES_A_TURN
    onProgress?.(inspection.nextPosition, total)
    await setImmediate()
  }
  return inspection.finish()
}

/** One `.index` or `.timeindex`; against its log, if that is beside it. */
export async function inspectIndex(
  path: string,
  kind: 'index' | 'timeindex',
  onProgress?: OnProgress,
): Promise<IndexReport> {
  const baseOffset = parseSegmentFileName(basename(path))?.baseOffset
  const logPath = siblingPath(path, 'log')
  const isCompared =
    baseOffset !== undefined && logPath !== path && statSync(logPath, { throwIfNoEntry: false }) !== undefined
  const index = kind === 'index' ? OffsetIndex.open(path, baseOffset ?? 0) : TimeIndex.open(path, baseOffset ?? 0)
  if (index === undefined) throw new NotFoundError('no such file', { path })
  try {
    const findings = isCompared ? await compare(path, logPath, onProgress) : checkAlone(index)
    return {
      kind,
      ...summaryOf(index),
      baseOffset: baseOffset ?? -1,
      isCompared,
      findings,
      verdict: worst(findings.map(finding => finding.verdict)),
    }
  } finally {
    index.close()
  }
}

/** Only what concerns this file; the log has findings of its own. */
async function compare(path: string, logPath: string, onProgress?: OnProgress): Promise<Finding[]> {
  const inspection = new LogInspection(segmentContext(logPath))
  try {
    const report = await inspectWhole(inspection, onProgress)
    const findings = report.findings.filter(finding => finding.path === path)
    if (report.badBytes > 0) {
      const message = `${basename(logPath)} has ${report.badBytes} bytes that are no batches: entries that point there were not judged`
      findings.push({ path, message, verdict: 'clean' })
    }
    return findings
  } finally {
    inspection.close()
  }
}

function checkAlone(index: OffsetIndex | TimeIndex): Finding[] {
  // Without the log nobody can tell whether the segment was rolled, so padding is nothing wrong.
  const options = { isRolled: false, indexIntervalBytes: 0 }
  const check = index instanceof OffsetIndex ? new OffsetIndexCheck(index, options) : new TimeIndexCheck(index, options)
  check.checkAlone()
  const stray = strayBytes(index)
  return [...check.problems, ...(stray === undefined ? [] : [stray])].map(problem => findingOf(index.path, problem))
}

/** Every entry, as `inspect-segment --records` shows it. */
export function* indexEntries({ kind, path, baseOffset }: IndexReport): Generator<SmallFileEntry> {
  const open = kind === 'index' ? OffsetIndex.open : TimeIndex.open
  const index = open(path, Math.max(baseOffset, 0))
  if (index === undefined) return
  try {
    for (const entry of index.scan()) yield { ...entry }
  } finally {
    index.close()
  }
}
