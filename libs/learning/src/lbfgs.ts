/** A smooth function: writes its gradient at `point` and returns its value there. */
export type Differentiable = (point: Float64Array, gradient: Float64Array) => number;

const MEMORY = 10;
const ARMIJO = 1e-4;
const HALVINGS_MAX = 40;

/**
 * Minimises a smooth convex function by limited-memory BFGS with a backtracking line search, from `start`.
 *
 * Stops when no entry of the gradient exceeds `gradientMax`, when no step lowers the value any more, or after
 * `iterationsMax` steps. Deterministic.
 *
 * @see J. Nocedal, S. Wright (2006), Numerical Optimization, algorithms 7.4, 7.5 and 3.1
 */
export function minimise(
  objective: Differentiable,
  start: Float64Array,
  gradientMax: number,
  iterationsMax: number,
): Float64Array {
  let point = start.slice();
  let gradient = new Float64Array(point.length);
  let value = objective(point, gradient);
  const steps: Float64Array[] = [];
  const changes: Float64Array[] = [];
  for (let iteration = 0; iteration < iterationsMax; iteration++) {
    if (gradient.every((entry) => Math.abs(entry) <= gradientMax)) break;
    const direction = descentDirection(gradient, steps, changes);
    let slope = dot(direction, gradient);
    if (!(slope < 0)) {
      steps.length = changes.length = 0;
      for (let i = 0; i < direction.length; i++) direction[i] = -gradient[i]!;
      slope = dot(direction, gradient);
    }
    // Without a history the direction has no scale of its own yet.
    let share = steps.length > 0 ? 1 : Math.min(1, 1 / Math.sqrt(-slope));
    let found = false;
    const nextGradient = new Float64Array(point.length);
    for (let halving = 0; halving < HALVINGS_MAX; halving++, share /= 2) {
      const next = point.map((entry, i) => entry + share * direction[i]!);
      const nextValue = objective(next, nextGradient);
      if (!(nextValue <= value + ARMIJO * share * slope)) continue;
      remember(steps, changes, next, point, nextGradient, gradient);
      found = nextValue < value;
      point = next;
      gradient = nextGradient;
      value = nextValue;
      break;
    }
    if (!found) break;
  }
  return point;
}

function remember(
  steps: Float64Array[],
  changes: Float64Array[],
  next: Float64Array,
  point: Float64Array,
  nextGradient: Float64Array,
  gradient: Float64Array,
): void {
  const step = next.map((entry, i) => entry - point[i]!);
  const change = nextGradient.map((entry, i) => entry - gradient[i]!);
  if (!(dot(step, change) > 1e-12 * dot(change, change))) return;
  steps.push(step);
  changes.push(change);
  if (steps.length > MEMORY) {
    steps.shift();
    changes.shift();
  }
}

/** -H × gradient, where H is what steps and gradient changes tell about the inverse Hessian. */
function descentDirection(gradient: Float64Array, steps: Float64Array[], changes: Float64Array[]): Float64Array {
  const direction = gradient.map((entry) => -entry);
  const shares = new Float64Array(steps.length);
  for (let k = steps.length - 1; k >= 0; k--) {
    const step = steps[k]!;
    const change = changes[k]!;
    shares[k] = dot(step, direction) / dot(step, change);
    addScaled(direction, change, -shares[k]!);
  }
  const last = steps.length - 1;
  if (last >= 0) {
    const scale = dot(steps[last]!, changes[last]!) / dot(changes[last]!, changes[last]!);
    for (let i = 0; i < direction.length; i++) direction[i]! *= scale;
  }
  for (let k = 0; k < steps.length; k++) {
    const step = steps[k]!;
    const change = changes[k]!;
    addScaled(direction, step, shares[k]! - dot(change, direction) / dot(step, change));
  }
  return direction;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

function addScaled(into: Float64Array, vector: Float64Array, scale: number): void {
  for (let i = 0; i < into.length; i++) into[i]! += scale * vector[i]!;
}
