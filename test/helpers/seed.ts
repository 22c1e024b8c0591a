/** The seed of this run's random tests, which their titles show; LOGLADY_SEED=n repeats a run. */
export const seed = Number(process.env.LOGLADY_SEED ?? Math.floor(Math.random() * 2 ** 31))

/** How often a property is tried; LOGLADY_RUNS=20 tries each 20 times as often. */
export function runs(count: number): number {
  return Math.ceil(count * Number(process.env.LOGLADY_RUNS ?? 1))
}
