package sfu

import (
	"math"
	"slices"
	"testing"
)

// ladderOf is that of a camera with three encodings.
func ladderOf(rates ...int) []rung {
	sizes := []size{{320, 180}, {640, 360}, {1280, 720}}
	var ladder []rung
	for k, rate := range rates {
		ladder = append(ladder, rung{rank: len(rates) - 1 - k, rate: rate, size: sizes[k], delivers: true})
	}
	return ladder
}

func camera(height, priority int) demand {
	return demand{ladder: ladderOf(150_000, 450_000, 1_300_000), shown: shown{height * 16 / 9, height, priority}, now: -1}
}

func chosen(demands []demand, budget float64) []int {
	allocate(demands, budget, math.Inf(1))
	var result []int
	for _, d := range demands {
		result = append(result, d.chosen)
	}
	return result
}

func TestBandwidthIsShared(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		demands []demand
		budget  float64
		want    []int
	}{
		"no limit: what the size has use for": {
			[]demand{camera(720, 3), camera(360, 2), camera(100, 1)}, math.Inf(1), []int{2, 1, 0},
		},
		"an unknown size has all":                    {[]demand{{ladder: ladderOf(1, 2, 3), now: -1}}, math.Inf(1), []int{2}},
		"everybody gets the least first":             {[]demand{camera(720, 2), camera(720, 1)}, 400_000, []int{0, 0}},
		"the important one goes up first":            {[]demand{camera(720, 1), camera(720, 2)}, 700_000, []int{0, 1}},
		"the least important goes without":           {[]demand{camera(720, 2), camera(720, 1)}, 200_000, []int{0, -1}},
		"nothing fits":                               {[]demand{camera(720, 1)}, 100_000, []int{-1}},
		"an upgrade leaves room":                     {[]demand{camera(720, 1)}, 455_000, []int{0}},
		"nobody is there":                            {nil, 1e6, nil},
		"of one encoding there is nothing to choose": {[]demand{{ladder: ladderOf(500_000), now: -1}}, 1e6, []int{0}},
	} {
		if got := chosen(c.demands, c.budget); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestWhoHasALayerKeepsIt(t *testing.T) {
	t.Parallel()
	d := camera(720, 1)
	d.now = 1
	if got := chosen([]demand{d}, 455_000); got[0] != 1 {
		t.Error("a layer that fits is given up:", got)
	}
}

func TestNobodyGoesUpBeyondTheMost(t *testing.T) {
	t.Parallel()
	demands := []demand{camera(720, 3), camera(720, 2), camera(720, 1)}
	demands[0].now, demands[1].now = 1, 0
	if allocate(demands, 2e6, 700e3); demands[0].chosen != 1 || demands[1].chosen != 0 || demands[2].chosen != 0 {
		t.Error(demands[0].chosen, demands[1].chosen, demands[2].chosen)
	}
	demands[0].now, demands[2].now = 2, -1
	if allocate(demands, 2e6, 400e3); demands[0].chosen != 2 || demands[1].chosen != 0 || demands[2].chosen != -1 {
		t.Error(demands[0].chosen, demands[1].chosen, demands[2].chosen)
	}
}

func TestAnEncodingThatIsSilentIsReplaced(t *testing.T) {
	t.Parallel()
	ladder := ladderOf(1, 2, 3)
	ladder[2].delivers = false
	if k := fallback(ladder, 2); k != 1 {
		t.Error("in place of the largest:", k)
	}
	ladder[0].delivers = false
	if k := fallback(ladder, 0); k != 1 {
		t.Error("in place of the smallest:", k)
	}
	ladder[1].delivers = false
	if k := fallback(ladder, 1); k != -1 {
		t.Error("where none delivers:", k)
	}
}

func BenchmarkAllocate(b *testing.B) {
	demands := make([]demand, 9)
	for i := range demands {
		demands[i] = camera(360, i)
	}
	b.ReportAllocs()
	for b.Loop() {
		allocate(demands, 2e6, math.Inf(1))
	}
}
