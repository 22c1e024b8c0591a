import { wantsJson } from './argv.ts'
import { formatReport, formatReportAsJson, type ReportContext, reportError } from './error-report.ts'
import { isClosedPipe } from './exit-codes.ts'

/**
 * How a process ends: always by running out of work with `process.exitCode` set. `process.exit` would cut what a pipe has
 * not yet taken, at 64 KiB.
 */
export function finished(exitCode: number): void {
  process.exitCode = exitCode
}

export interface FailureContext {
  /** `loglady read` */
  command: string
  json?: boolean
  debug?: boolean
  context?: ReportContext
}

/** Reports an error on stderr and sets the exit code; quiet, and 0, if all that happened is that the reader has gone. */
export function failed(error: unknown, { command, json, debug, context }: FailureContext): void {
  if (isClosedPipe(error)) {
    finished(0)
    return
  }
  const report = reportError(error, context)
  const argv = process.argv.slice(2)
  const text = (json ?? wantsJson(argv)) ? formatReportAsJson(report, command) : formatReport(report, command)
  process.stderr.write(text)
  if ((debug || isDebugging(argv)) && error instanceof Error) process.stderr.write(`${error.stack}\n`)
  finished(report.exitCode)
}

function isDebugging(argv: readonly string[]): boolean {
  return argv.includes('--debug') || process.env.LOGLADY_DEBUG === '1'
}
