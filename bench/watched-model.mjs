/** The lifecycle by which the drift monitor comes to watch version 1 of the model `m`. */
export function watchedModel({ spec, reference, together, candidate, occurredAt }) {
  const base = { model: 'm', occurredAt, actor: 'bench', reason: 'bench' };
  return [
    { ...base, type: 'ModelApplied', spec },
    {
      ...base,
      type: 'TrainingFinished',
      run: 'r',
      trigger: 'bootstrap',
      candidates: [candidate],
      reference,
      together,
      failure: null,
    },
    { ...base, type: 'VersionRegistered', version: 1, run: 'r', candidate, gates: [] },
    {
      ...base,
      type: 'ServingChanged',
      champion: { version: 1, onnx: candidate.onnx },
      previous: null,
      shadows: [],
      rollout: null,
    },
  ];
}
