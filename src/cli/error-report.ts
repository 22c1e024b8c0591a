import { sep } from 'node:path'
import { getSystemErrorMessage } from 'node:util'
import { LogladyError } from '../log/index.ts'
import { didYouMean } from './did-you-mean.ts'
import { exitCodeFor } from './exit-codes.ts'

/** What is told about an error: one line and a hint for people, or one JSON object, which has the engine's fields too. */
export interface ErrorReport {
  code: string
  message: string
  path?: string
  position?: number
  firstOffset?: number
  lastOffset?: number
  hint?: string
  exitCode: number
  /** What people get to read, path first. */
  line: string
}

export interface ReportContext {
  /** Below it, paths are printed relative to it. */
  directory?: string
  /** The spellings of the command's flags, for "did you mean". */
  flags?: readonly string[]
  /** By spelling (`-f`): what to say to whoever used it wrongly here. */
  flagHints?: Readonly<Record<string, string>>
  /** How to get the help of the command. */
  helpCommand?: string
}

export function reportError(error: unknown, context: ReportContext = {}): ErrorReport {
  const report = describe(error, context)
  return { ...report, line: oneLine(report.line), exitCode: exitCodeFor(error) }
}

/** `loglady read: …` and perhaps `hint: …`, each one line however wide it gets, so that grep finds whole messages. */
export function formatReport(report: ErrorReport, command: string): string {
  const hint = report.hint === undefined ? '' : `hint: ${oneLine(report.hint)}\n`
  return `${command}: ${report.line}\n${hint}`
}

/** One JSON line; the keys are stable. */
export function formatReportAsJson(report: ErrorReport, command: string): string {
  const { code, message, path, position, firstOffset, lastOffset, hint, exitCode } = report
  const json = { error: code, command, message, path, position, firstOffset, lastOffset, hint, exitCode }
  return `${JSON.stringify(json)}\n`
}

/** Control characters as escapes: a topic's name or a path must not be able to end the line or steer the terminal. */
export function oneLine(text: string): string {
  return (
    text
      .replaceAll('\n', '\\n')
      .replaceAll('\t', '\\t')
      .replaceAll('\r', '\\r')
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
      .replace(/[\u0000-\u001f\u007f-\u009f]/g, c => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`)
  )
}

type Description = Omit<ErrorReport, 'exitCode'>

function describe(error: unknown, context: ReportContext): Description {
  if (error instanceof LogladyError) return describeOurs(error, context)
  if (!(error instanceof Error)) return { code: 'LOGLADY_INTERNAL', message: String(error), line: String(error) }
  const usage = describeUsage(error, context)
  if (usage !== undefined) return usage
  const system = error as NodeJS.ErrnoException
  if (system.errno !== undefined && system.code !== undefined) return describeSystem(system)
  const message = `internal error: ${error.message}`
  const hint = 'this is a fault of loglady itself; --debug shows where'
  return { code: 'LOGLADY_INTERNAL', message, line: message, hint }
}

function describeOurs(error: LogladyError, { directory }: ReportContext): Description {
  const { code, path, position, firstOffset, lastOffset, hint } = error
  // Oclif writes around the message of what a flag's parser throws, and keeps the name of the flag there.
  const fromFlag = flagParsePattern.exec(error.message)
  const message = fromFlag === null ? error.message : `--${fromFlag[1]}: ${fromFlag[2]}`
  let line = fromFlag === null ? error.describe() : message
  const inside = directory === undefined ? undefined : `${directory.replace(/\/+$/, '')}${sep}`
  if (path !== undefined && inside !== undefined && path.startsWith(inside) && line.startsWith(path)) {
    line = line.slice(inside.length)
  }
  return { code, message, path, position, firstOffset, lastOffset, hint, line }
}

function describeSystem(error: NodeJS.ErrnoException): Description {
  const message = `${getSystemErrorMessage(error.errno!)} (${error.code})`
  const path = error.path
  const line =
    path === undefined
      ? `${message}${error.syscall === undefined ? '' : ` in ${error.syscall}`}`
      : `${path}: ${message}`
  return { code: error.code!, message, path, line }
}

const flagParsePattern = /^Parsing --(\S+) \n\t([\s\S]*)\nSee more help with --help$/
const usageCode = 'LOGLADY_INVALID_ARGUMENT'

/** The fields of oclif's parser errors that are read here. Its texts have several lines and its own words. */
interface OclifError extends Error {
  oclif?: { exit?: number }
  flags?: string[]
  args?: { name: string }[] | string[]
}

function describeUsage(error: OclifError, context: ReportContext): Description | undefined {
  if (error.oclif === undefined) return undefined
  const help = context.helpCommand === undefined ? undefined : `see ${context.helpCommand}`
  if (error.flags !== undefined) return describeUnknownFlag(error.flags, context)
  const tell = (message: string, hint = help): Description => ({ code: usageCode, message, line: message, hint })
  const names = (error.args ?? []).map(arg => (typeof arg === 'string' ? arg : arg.name))
  if (error.message.startsWith('Unexpected arg')) return tell(`unexpected argument: ${names.join(' ')}`)
  if (error.message.startsWith('Missing ') && names.length > 0) {
    return tell(`missing argument: ${names.map(name => name.toUpperCase()).join(' ')}`)
  }
  const missing = /^Flag --(\S+) expects (.*)$/.exec(error.message)
  if (missing !== null)
    return tell(`--${missing[1]} expects ${missing[2]}`, hintForFlag(`--${missing[1]}`, context) ?? help)
  const text = error.message
    .replace(/\nSee more help with --help$/, '')
    .replace(/^The following errors? occurred:\s*/, '')
    .replace(/^Flag --/, '--')
    // What a flag may not be combined with is printed with its parsed value, which may be bytes or an object.
    .replace(/^(--[\w-]+)=[\s\S]* cannot also be provided when using/, '$1 cannot be combined with')
  return tell(text.split(/\s*\n\s*/).join('; '))
}

function describeUnknownFlag(spellings: string[], context: ReportContext): Description {
  const flag = spellings[0]!.replace(/=.*/s, '')
  const message = `unknown flag ${flag}`
  const near = didYouMean(flag, context.flags ?? [])
  const help = context.helpCommand === undefined ? undefined : `see ${context.helpCommand}`
  const hint = hintForFlag(flag, context) ?? (near === undefined ? help : `did you mean ${near}?`)
  return { code: usageCode, message, line: message, hint }
}

function hintForFlag(spelling: string, { flagHints = {} }: ReportContext): string | undefined {
  return flagHints[spelling] ?? flagHints[spelling.slice(0, 2)]
}
