import { resolve } from 'node:path'
import { Command } from '@oclif/core/command'
import type { FlagInput, Input, ParserOutput } from '@oclif/core/interfaces'
import { DataDirectory } from '../log/index.ts'
import { markValues, withMarksRemoved } from './argv.ts'
import type { ColourWhen } from './colour.ts'
import { oneLine, type ReportContext } from './error-report.ts'
import type { ExitCode } from './exit-codes.ts'
import { commonFlags, flagsWithNegativeValues, VersionRequest } from './flags.ts'
import { Interruption } from './interruption.ts'
import { failed, finished } from './outcome.ts'
import { writeTo } from './streams.ts'
import { versionLine } from './version.ts'

export interface CommonFlags {
  dir: string
  quiet: boolean
  verbose: boolean
  color: ColourWhen
  debug: boolean
  json?: boolean
}

type Output = Record<string, unknown>

/**
 * What all commands share. A command's `run()` parses first, calls the engine and gives the result to an output:
 *
 *     const { args, flags } = await this.parse(Append)
 *
 * Data goes to stdout by `print` (little) or through a block sink (much), everything else to stderr by `note` and `detail`.
 * An error is thrown, never printed: it is reported here, once, with its exit code. An honest no is `this.exitCode = 1`.
 */
export abstract class LogladyCommand extends Command {
  static override baseFlags = commonFlags
  /** By spelling (`-f`, `--format`): the hint for whoever took the flag for another tool's. */
  static flagHints: Record<string, string> = {}

  /** What the process exits with if nothing is thrown and no signal came. */
  protected exitCode: ExitCode = 0
  /** The flags that every command has, from the moment when `parse` returned. */
  protected common: CommonFlags = {
    dir: './loglady-data',
    quiet: false,
    verbose: false,
    color: 'auto',
    debug: false,
  }
  #interruption: Interruption | undefined
  #directory: DataDirectory | undefined

  /** `loglady topics create`, in front of everything that goes to stderr. */
  get commandName(): string {
    return `${this.config.bin} ${(this.id ?? '').replaceAll(':', ' ')}`.trimEnd()
  }

  protected override async parse<F extends Output, B extends Output, A extends Output>(
    options: Input<F, B, A>,
    argv = this.argv,
  ): Promise<ParserOutput<F, B, A>> {
    const known = { ...options.baseFlags, ...options.flags } as FlagInput
    const parsed = await super.parse<F, B, A>(
      {
        ...options,
        args: options.args,
        strict: options.strict,
        baseFlags: withMarksRemoved((options.baseFlags ?? {}) as FlagInput) as typeof options.baseFlags,
        flags: withMarksRemoved((options.flags ?? {}) as FlagInput) as typeof options.flags,
      },
      markValues(argv, known, flagsWithNegativeValues),
    )
    this.common = { ...this.common, ...(parsed.flags as Partial<CommonFlags>) }
    return parsed
  }

  /**
   * From the first call on, SIGHUP, SIGINT and SIGTERM abort `signal` instead of killing, and the command ends with 129, 130
   * or 143 when its `run()` returns. A command that never calls this dies of them at once.
   */
  protected interruption(): Interruption {
    this.#interruption ??= new Interruption()
    return this.#interruption
  }

  /** The data directory of -d. Without `create` it has to be there; with it, it is made, and what was made is noted. */
  protected openDirectory({ create = false } = {}): DataDirectory {
    this.#directory ??= DataDirectory.open(this.common.dir, { create, onNote: note => this.note(note) })
    return this.#directory
  }

  /** A line on stderr unless -q: what a user ought to know though nothing is wrong. With -J a JSON line. */
  protected note(text: string): void {
    if (!this.common.quiet) this.#tell(text)
  }

  /** A line on stderr, also with -q: what a command that deletes is about to do. */
  protected plan(text: string): void {
    this.#tell(text)
  }

  /** A line on stderr with -v. */
  protected detail(text: string): void {
    if (this.common.verbose && !this.common.quiet) this.#tell(text)
  }

  /** Small data to stdout, with a newline; waits for a slow reader. */
  protected async print(text: string): Promise<void> {
    await writeTo(process.stdout, `${text}\n`)
  }

  /** One JSON object on one line of stdout. */
  protected async printJson(value: unknown): Promise<void> {
    await this.print(JSON.stringify(value))
  }

  /** How rows are drawn: for people on a terminal, else for programs. */
  protected tableOptions(): { terminal: boolean; color: ColourWhen } {
    return { terminal: process.stdout.isTTY === true, color: this.common.color }
  }

  // Oclif's own would print in its own shape and call process.exit, which cuts a piped stdout at 64 KiB.
  protected override async catch(error: unknown): Promise<void> {
    // Else oclif warns, under NODE_ENV=test or development, that a command that failed to parse did not parse.
    this.parsed = true
    if (error instanceof VersionRequest) {
      await this.print(versionLine(this.config.version))
      return finished(0)
    }
    const { directory, flags, flagHints } = this.#reportContext()
    const helpCommand = `${this.commandName} --help`
    failed(error, {
      command: this.commandName,
      json: this.common.json,
      debug: this.common.debug,
      context: { directory, flags, flagHints, helpCommand },
    })
  }

  protected override async finally(error: Error | undefined): Promise<void> {
    this.#interruption?.release()
    this.#directory?.close()
    if (error === undefined) finished(this.#interruption?.exitCode ?? this.exitCode)
  }

  #tell(text: string): void {
    const line = this.common.json
      ? JSON.stringify({ note: text, command: this.commandName })
      : `${this.commandName}: ${oneLine(text)}`
    process.stderr.write(`${line}\n`)
  }

  #reportContext(): ReportContext {
    const command = this.ctor as typeof LogladyCommand
    const flags = { ...command.baseFlags, ...command.flags } as FlagInput
    const spellings = Object.entries(flags).flatMap(([name, { aliases = [] }]) => [name, ...aliases])
    return {
      // The engine's paths are absolute.
      directory: resolve(this.common.dir),
      flags: spellings.map(spelling => `--${spelling}`),
      flagHints: command.flagHints,
    }
  }
}
