import { InvalidArgumentError } from '../../log/index.ts'
import type { ReadFlags } from './flags.ts'

/** Throws InvalidArgumentError for flags of `read` that do not go together. */
export function checkReadFlags(flags: ReadFlags): void {
  const { offset, group, reverse, follow, 'cursor-file': cursorFile } = flags
  const commits = group !== undefined ? '--group' : cursorFile !== undefined ? '--cursor-file' : undefined
  refuseIf(group !== undefined && cursorFile !== undefined, '--group and --cursor-file both keep offsets')
  refuseIf(reverse && follow, '--reverse begins at the end, and --follow never has one')
  refuseIf(reverse && commits !== undefined, `--reverse reads backwards, and what ${commits} keeps only goes forwards`)
  const needsStore = offset?.from.kind === 'stored' && commits === undefined
  refuseIf(needsStore, '--offset stored needs to know whose', '--group NAME, or --cursor-file FILE')
}

function refuseIf(isRefused: boolean, message: string, hint?: string): void {
  if (isRefused) throw new InvalidArgumentError(message, hint === undefined ? {} : { hint })
}
