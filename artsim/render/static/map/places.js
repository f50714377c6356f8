// Where each point is now, and a grid of buckets to find those near a spot.

const place = { x: layouts.map.x.slice(), y: layouts.map.y.slice() };
let arrangement = "map";
let morph = null;

const buckets = { side: Math.max(1, Math.min(256, Math.ceil(Math.sqrt(count / 4)))), start: null, items: null };

function bucketOf(value) {
  return Math.min(buckets.side - 1, Math.max(0, Math.floor(value * buckets.side)));
}

function fillBuckets() {
  const side = buckets.side;
  const start = new Uint32Array(side * side + 1);
  for (let i = 0; i < count; i++) start[bucketOf(place.y[i]) * side + bucketOf(place.x[i]) + 1]++;
  for (let b = 0; b < side * side; b++) start[b + 1] += start[b];
  const next = start.slice(), items = new Uint32Array(count);
  for (let i = 0; i < count; i++) items[next[bucketOf(place.y[i]) * side + bucketOf(place.x[i])]++] = i;
  buckets.start = start;
  buckets.items = items;
}

// Call `visit` with every point in a rectangle of the world, and some around it.
function within(left, top, right, bottom, visit) {
  const side = buckets.side;
  const first = bucketOf(left), last = bucketOf(right);
  for (let row = bucketOf(top); row <= bucketOf(bottom); row++) {
    const end = buckets.start[row * side + last + 1];
    for (let k = buckets.start[row * side + first]; k < end; k++) visit(buckets.items[k]);
  }
}

function arrange(name) {
  if (name === arrangement) return;
  arrangement = name;
  const target = layouts[name];
  const finish = () => {
    place.x.set(target.x);
    place.y.set(target.y);
    fillBuckets();
    morph = null;
  };
  const whole = wholeView(target);
  view.fit = whole.scale;
  if (calm.matches) {
    finish();
  } else {
    const from = { x: place.x.slice(), y: place.y.slice() };
    const began = performance.now();
    morph = (now) => {
      const t = Math.min(1, Math.max(0, (now - began) / 700));
      if (t >= 1) return finish();
      const s = t * t * (3 - 2 * t);
      for (let i = 0; i < count; i++) {
        place.x[i] = from.x[i] + (target.x[i] - from.x[i]) * s;
        place.y[i] = from.y[i] + (target.y[i] - from.y[i]) * s;
      }
    };
  }
  flyTo(whole, 700);
}

fillBuckets();
