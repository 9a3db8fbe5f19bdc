package bench

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// Sample is the server at one moment of a churn. Figures that could not be had are zero.
type Sample struct {
	AtS         float64 `json:"at_s"` // since the start
	Joins       int     `json:"joins"`
	Here        int     `json:"here"` // who is in the meeting
	MemoryMiB   float64 `json:"memory_mib"`
	HeapMiB     float64 `json:"heap_mib"` // allocated; after a settle: in use
	Goroutines  int     `json:"goroutines"`
	Connections int     `json:"connections"` // as the server counts them
}

// Growth is what the server held more after the second half than after the first, with nobody there.
type Growth struct {
	Joins      int     `json:"joins"` // of the second half
	MemoryKiB  float64 `json:"memory_kib"`
	HeapKiB    float64 `json:"heap_kib"`
	Goroutines int     `json:"goroutines"`
	// The same by a thousand joins.
	MemoryKiBPer1000 float64 `json:"memory_kib_per_1000_joins"`
	HeapKiBPer1000   float64 `json:"heap_kib_per_1000_joins"`
}

// ChurnReport is what a churn found out. Times are milliseconds.
type ChurnReport struct {
	Scenario  Scenario `json:"scenario"`
	Size      Size     `json:"size"`
	DurationS float64  `json:"duration_s"`
	StayS     float64  `json:"stay_s"`

	Joins        int      `json:"joins"`
	Failures     int      `json:"failures"`                   // joins that were refused or took too long
	Failed       []string `json:"failed"`                     // some of them
	Vanished     int      `json:"vanished"`                   // who left without a goodbye
	Reloads      int      `json:"reloads"`                    // who came back at once
	WithoutMedia int      `json:"participants_without_media"` // within two seconds

	JoinP50 float64 `json:"join_p50_ms"` // from the open WebSocket to the first packet
	JoinP95 float64 `json:"join_p95_ms"`
	JoinMax float64 `json:"join_max_ms"`

	// Of each stream at each participant, from the first packet that arrived to the last.
	Expected    uint64  `json:"packets_expected"`
	PacketsOut  uint64  `json:"packets_out"`
	LossPercent float64 `json:"loss_percent"`

	PID        int    `json:"pid"`                       // 0 when the process is not known
	ServerWhy  string `json:"server_unknown,omitempty"`  // then
	PrivateWhy string `json:"private_unknown,omitempty"` // why the private listener could not be used

	// The server before anybody came, and after each half: the meeting over, settled, garbage collected.
	Start   Sample   `json:"start"`
	Middle  Sample   `json:"middle"`
	End     Sample   `json:"end"`
	Samples []Sample `json:"samples"` // in between, with people there
	Growth  Growth   `json:"growth"`

	CPUPercent          float64 `json:"server_cpu_percent"`    // of one core
	GeneratorCPUPercent float64 `json:"generator_cpu_percent"` // likewise
	IdlePercent         float64 `json:"machine_idle_percent"`  // of all cores
	Drops               uint64  `json:"generator_drops"`       // packets the generator was too slow to read

	// Failure says what did not go well, and is empty when everything did.
	Failure string `json:"failure,omitempty"`
}

// What the server may hold more after the second half than after the first. Below the slack it cannot be told
// from noise: idle tables and pools of the runtime come and go by so much. The part by joins is a hundredth of
// what a connection takes (about 150 KiB): whoever forgets one of a hundred is found, however long it runs.
const (
	memorySlackKiB  = 6 << 10
	heapSlackKiB    = 1 << 10 // the bus alone takes and drops buffers of 256 KiB
	growthPerJoin   = 1.5     // KiB
	goroutinesSlack = 8       // a connection has more
)

// finish fills in what follows from the rest; the churn's mu is held.
func (out *ChurnReport) finish(c *churn, from, to usage) {
	out.DurationS, out.StayS, out.PID = c.cfg.Window.Seconds(), c.cfg.Stay.Seconds(), c.pid
	millis := func(q float64) float64 { return micros(c.took.quantile(q)) / 1000 }
	out.JoinP50, out.JoinP95, out.JoinMax = millis(0.5), millis(0.95), micros(c.took.most)/1000
	if out.Expected > 0 {
		out.LossPercent = 100 * float64(out.Expected-out.PacketsOut) / float64(out.Expected)
	}
	if out.Failed == nil {
		out.Failed = []string{}
	}
	seconds := to.at.Sub(from.at).Seconds()
	out.CPUPercent = 100 * (to.server - from.server).Seconds() / seconds
	out.GeneratorCPUPercent = 100 * (to.own - from.own).Seconds() / seconds
	if total := to.machine - from.machine; total > 0 {
		out.IdlePercent = 100 * float64(to.idle-from.idle) / float64(total)
	}
	out.Drops = to.drops - from.drops
	out.Growth = grown(out.Middle, out.End)
	out.Failure = out.judge(c.cfg.MaxLoss)
}

// grown compares two settled samples.
func grown(middle, end Sample) Growth {
	g := Growth{Joins: end.Joins - middle.Joins}
	const kib = 1 << 10
	if middle.MemoryMiB > 0 && end.MemoryMiB > 0 {
		g.MemoryKiB = (end.MemoryMiB - middle.MemoryMiB) * kib
	}
	if middle.Goroutines > 0 && end.Goroutines > 0 {
		g.HeapKiB = (end.HeapMiB - middle.HeapMiB) * kib
		g.Goroutines = end.Goroutines - middle.Goroutines
	}
	if g.Joins > 0 {
		g.MemoryKiBPer1000 = g.MemoryKiB * 1000 / float64(g.Joins)
		g.HeapKiBPer1000 = g.HeapKiB * 1000 / float64(g.Joins)
	}
	return g
}

// judge says what failed first.
func (out *ChurnReport) judge(maxLoss float64) string {
	g := out.Growth
	allowed := growthPerJoin * float64(g.Joins)
	switch {
	case out.Failures > 0:
		return fmt.Sprintf("%d of %d joins failed: %s", out.Failures, out.Joins+out.Failures, out.Failed[0])
	case out.WithoutMedia > 0:
		return fmt.Sprintf("nothing arrived at %d participants", out.WithoutMedia)
	case out.LossPercent > maxLoss && out.Drops == 0:
		return fmt.Sprintf("%.2f %% of the packets were lost", out.LossPercent)
	case out.End.Connections > 0:
		return fmt.Sprintf("the server holds %d connections of nobody", out.End.Connections)
	case g.Goroutines > goroutinesSlack:
		return fmt.Sprintf("%d goroutines more after %d joins", g.Goroutines, g.Joins)
	case g.HeapKiB > heapSlackKiB+allowed:
		return fmt.Sprintf("%.0f KiB more in use after %d joins; %.0f are allowed", g.HeapKiB, g.Joins, heapSlackKiB+allowed)
	case g.MemoryKiB > memorySlackKiB+allowed:
		return fmt.Sprintf("%.0f KiB more memory after %d joins; %.0f are allowed", g.MemoryKiB, g.Joins, memorySlackKiB+allowed)
	}
	return ""
}

// WriteTable prints the report for a person.
func (out *ChurnReport) WriteTable(to io.Writer) error {
	table := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) {
		fmt.Fprintf(table, "%s\t%s\n", name, fmt.Sprintf(format, args...))
	}
	row("scenario", "churn: %d participants at a time, each stays about %.0f s, for %.0f s", out.Size.Participants, out.StayS, out.DurationS)
	row("joins", "%d, and %d failed; %d left without a goodbye, %d reloaded", out.Joins, out.Failures, out.Vanished, out.Reloads)
	for _, text := range out.Failed {
		row("", "failed: %s", text)
	}
	row("join", "p50 %.0f ms, p95 %.0f ms, most %.0f ms", out.JoinP50, out.JoinP95, out.JoinMax)
	row("loss", "%.3f %% of %d packets", out.LossPercent, out.Expected)
	out.writeServer(row)
	row("CPU", "server %.0f %% of a core, generator %.0f %%, machine %.0f %% idle", out.CPUPercent, out.GeneratorCPUPercent, out.IdlePercent)
	if out.Drops > 0 {
		row("", "The generator was too slow to read %d packets.", out.Drops)
	}
	if out.Failure != "" {
		row("failed", "%s", out.Failure)
	}
	return table.Flush()
}

// writeServer prints what the server holds, as far as it is known.
func (out *ChurnReport) writeServer(row func(name, format string, args ...any)) {
	if out.PID == 0 {
		row("server process", "not known: %s", out.ServerWhy)
	}
	if out.PrivateWhy != "" {
		row("server's figures", "not known: %s", out.PrivateWhy)
	}
	if out.PID == 0 && out.PrivateWhy != "" {
		return
	}
	for _, at := range []struct {
		name string
		s    Sample
	}{{"start", out.Start}, {"middle", out.Middle}, {"end", out.End}} {
		if out.PrivateWhy != "" {
			row(at.name, "%.1f MiB after %d joins", at.s.MemoryMiB, at.s.Joins)
			continue
		}
		row(at.name, "%.1f MiB, %.2f MiB of it heap in use, %d goroutines, after %d joins",
			at.s.MemoryMiB, at.s.HeapMiB, at.s.Goroutines, at.s.Joins)
	}
	g := out.Growth
	row("growth", "%+.0f KiB, %+.0f KiB in use, %+d goroutines, from the middle to the end: %d joins", g.MemoryKiB, g.HeapKiB, g.Goroutines, g.Joins)
	row("", "by 1,000 joins: %+.0f KiB, %+.0f KiB in use", g.MemoryKiBPer1000, g.HeapKiBPer1000)
}
