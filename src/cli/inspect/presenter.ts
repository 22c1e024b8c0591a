import type { BadBytes, FileReport, LogInspection, SmallFileEntry } from '../../log/index.ts'

/** Where what `inspect-segment` sees goes to, in the order in which it sees it. */
export interface InspectPresenter {
  batch(inspection: LogInspection): void
  /** The current record of the current batch, in the inspection's cursor. */
  record(inspection: LogInspection): void
  badBytes(inspection: LogInspection, bad: BadBytes): void
  /** One entry of an index, a checkpoint or a snapshot. */
  entry(path: string, number: number, entry: SmallFileEntry): void
  report(report: FileReport): void
  /** After everything: tables and the verdict. */
  end(reports: readonly FileReport[]): Promise<void>
}

/** What all files together come to. */
export interface Totals {
  files: number
  wrongFiles: number
  logs: number
  batches: number
  records: number
  badBytes: number
}

export function totalsOf(reports: readonly FileReport[], isWrong: (report: FileReport) => boolean): Totals {
  const logs = reports.filter(report => report.kind === 'log')
  const sum = (numbers: number[]): number => numbers.reduce((total, number) => total + number, 0)
  return {
    files: reports.length,
    wrongFiles: reports.filter(isWrong).length,
    logs: logs.length,
    batches: sum(logs.map(({ batches }) => batches)),
    records: sum(logs.map(({ records }) => records)),
    badBytes: sum(logs.map(({ badBytes }) => badBytes)),
  }
}

/** What JSON cannot hold, or nobody could read, becomes null. */
export function timestampOf(read: () => number): number | null {
  try {
    return read()
  } catch {
    return null
  }
}

/** Of a batch or of bad bytes at most so many bytes are shown: a batch may have 100 MB. */
export const MAX_HEX_BYTES = 1 << 16
