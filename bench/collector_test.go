package bench

import (
	"testing"
	"time"
)

func TestFlowCountsEachPacketOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		seqs  []uint32
		fresh []bool
	}{
		"in order":            {[]uint32{5, 6, 7}, []bool{true, true, true}},
		"twice":               {[]uint32{5, 5, 6, 5}, []bool{true, false, true, false}},
		"out of order":        {[]uint32{5, 9, 7, 9, 7}, []bool{true, true, true, false, false}},
		"around the wrap":     {[]uint32{1<<32 - 1, 0, 1<<32 - 1, 1}, []bool{true, true, false, true}},
		"after a long gap":    {[]uint32{5, 5000, 5}, []bool{true, true, false}},
		"a window further on": {[]uint32{5, 5 + 1023, 5 + 1024, 5 + 1025, 6 + 1024}, []bool{true, true, true, true, false}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var f flow
			for i, seq := range c.seqs {
				if got := f.mark(seq); got != c.fresh[i] {
					t.Errorf("packet %d (%d) fresh: %v", i, seq, got)
				}
			}
		})
	}
}

func TestCollectorCountsTheWindow(t *testing.T) {
	t.Parallel()
	c := newCollector()
	from := time.Unix(1_795_682_000, 0)
	s := stamp{publisher: 1, kind: video, seq: 10, sent: from.UnixNano()}
	f := c.flow(7, s)
	arrive := func(seq uint32, sent time.Time, delay time.Duration) {
		s.seq, s.sent = seq, sent.UnixNano()
		c.add(f, s, 100, sent.Add(delay).UnixNano(), sent.Add(delay).UnixNano())
	}
	arrive(9, from, time.Millisecond) // before it is open
	c.window.open(from, time.Second)
	arrive(10, from, time.Millisecond)
	arrive(12, from.Add(time.Second-1), 3*time.Second) // sent within, late
	arrive(12, from.Add(time.Second-1), 3*time.Second)
	arrive(13, from.Add(time.Second), time.Millisecond)
	if c.received != 2 || c.duplicates != 1 || c.bytes != 200 || c.total != 5 || f.span() != 3 {
		t.Errorf("%d received, %d twice, %d bytes, %d in all, span %d", c.received, c.duplicates, c.bytes, c.total, f.span())
	}
	if c.delay.quantile(1) != 3*time.Second {
		t.Errorf("the longest delay is %v", c.delay.quantile(1))
	}
	if c.flow(7, s) != f {
		t.Error("the flow was not found again")
	}
}

func TestLoss(t *testing.T) {
	t.Parallel()
	window := &window{}
	r := &run{collector: newCollector(), streams: map[int][]*stream{
		0: {newAudio(0, 80, window)}, 1: {newAudio(1, 80, window)}, 2: {newVideo(2, 300_000, 30, 0.4, window)},
	}}
	r.everybody = []participant{
		{number: 0},
		{number: 1},
		{number: 2, hears: []int{0, 1}, audible: 1},                 // the server chooses
		{number: 3, hears: []int{0, 1}, sees: []int{2}, audible: 4}, // everything is to come
	}
	for _, streams := range r.streams {
		streams[0].inWindow.Store(100)
	}
	flows := r.collector.flows
	flows[flowKey{2, 0, audio}] = &flow{received: 9, first: 1, last: 10} // one of ten is missing
	flows[flowKey{3, 0, audio}] = &flow{received: 100, first: 1, last: 100}
	flows[flowKey{3, 2, video}] = &flow{received: 81, first: 1, last: 100} // and 100 of 1 never came
	var out Report
	r.loss(&out)
	if out.PacketsIn != 300 || out.Expected != 310 || out.Published != 3 || out.WorstLoss != 100 {
		t.Errorf("%+v", out)
	}
	if want := 100 * float64(310-190) / 310; out.LossPercent != want {
		t.Errorf("loss is %g, want %g", out.LossPercent, want)
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		report   Report
		complete bool
		fails    bool
		keptUp   bool
	}{
		"all is well":                {Report{PacketsOut: 5, Generator: Generator{KeptUp: true, IdlePercent: 50}}, true, false, true},
		"well on a full machine":     {Report{PacketsOut: 5, Generator: Generator{KeptUp: true, IdlePercent: 0}}, true, false, true},
		"the server loses":           {Report{PacketsOut: 5, LossPercent: 2, Generator: Generator{KeptUp: true, IdlePercent: 50}}, true, true, true},
		"the server loses a little":  {Report{PacketsOut: 5, LossPercent: 0.5, Generator: Generator{KeptUp: true, IdlePercent: 50}}, true, false, true},
		"something never comes":      {Report{PacketsOut: 5, Generator: Generator{KeptUp: true, IdlePercent: 50}}, false, true, true},
		"nothing comes":              {Report{Generator: Generator{KeptUp: true, IdlePercent: 50}}, true, true, true},
		"the generator was too slow": {Report{PacketsOut: 5, LossPercent: 2, Generator: Generator{IdlePercent: 50}}, true, false, false},
		"lost on a full machine":     {Report{PacketsOut: 5, LossPercent: 2, Generator: Generator{KeptUp: true, IdlePercent: 1}}, true, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.report.judge(c.complete, 1)
			if (c.report.Failure != "") != c.fails || c.report.Generator.KeptUp != c.keptUp {
				t.Errorf("failure %q, kept up %v", c.report.Failure, c.report.Generator.KeptUp)
			}
		})
	}
}
