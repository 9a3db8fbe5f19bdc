package bench

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestHistogramQuantiles(t *testing.T) {
	t.Parallel()
	var h histogram
	if h.quantile(0.5) != 0 {
		t.Error("an empty one is not 0")
	}
	random := rand.New(rand.NewPCG(1, 2))
	all := make([]time.Duration, 10_000)
	for i := range all {
		all[i] = time.Duration(random.ExpFloat64() * float64(time.Millisecond))
		h.add(all[i])
	}
	h.add(-time.Second) // a clock that was set
	all = append(all, 0)
	slices.Sort(all)
	for _, q := range []float64{0, 0.01, 0.5, 0.95, 0.99, 0.999, 1} {
		exact := all[max(0, int(q*float64(len(all))+0.999999)-1)]
		got := h.quantile(q)
		if got < exact || float64(got) > float64(exact)*(1+1.0/64)+1 {
			t.Errorf("quantile %g is %v, exactly %v", q, got, exact)
		}
	}
	if h.quantile(1) != all[len(all)-1] || h.most != all[len(all)-1] {
		t.Error("the most is not exact")
	}
}

func TestHistogramSteps(t *testing.T) {
	t.Parallel()
	for _, v := range []uint64{0, 1, 63, 64, 127, 128, 129, 255, 256, 1<<40 - 1, 1 << 40, 1<<63 - 1} {
		i := step(v)
		if end := uint64(stepEnd(i)); end < v || i > 0 && uint64(stepEnd(i-1)) >= v {
			t.Errorf("%d is in step %d, which ends at %d, the one before at %d", v, i, end, uint64(stepEnd(i-1)))
		}
	}
}

func BenchmarkHistogramAdd(b *testing.B) {
	var h histogram
	for i := range b.N {
		h.add(time.Duration(i & 0xFFFFF))
	}
}
