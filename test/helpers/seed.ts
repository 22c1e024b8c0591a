/** The seed of this run's random tests, which their titles show; LOGLADY_SEED=n repeats a run. */
export const seed = Number(process.env.LOGLADY_SEED ?? Math.floor(Math.random() * 2 ** 31))
