package bench

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// Report is what a run found out. Counts are of packets sent within the window, unless they say
// otherwise; times are microseconds where their name says so.
type Report struct {
	Scenario Scenario `json:"scenario"`
	Protocol string   `json:"protocol"` // "parley" or "whip"
	Size     Size     `json:"size"`
	WindowS  float64  `json:"window_s"`

	Participants             int `json:"participants"`
	Seats                    int `json:"seats"`                      // lines that receive, of all
	Flows                    int `json:"flows"`                      // streams that reached a participant
	FlowsWanted              int `json:"flows_wanted"`               // that were to
	Published                int `json:"published"`                  // streams
	ParticipantsWithoutMedia int `json:"participants_without_media"` // of those that were to receive

	PacketsIn   uint64  `json:"packets_in"`  // sent to the server
	PacketsOut  uint64  `json:"packets_out"` // received from it, each once
	Expected    uint64  `json:"packets_expected"`
	Duplicates  uint64  `json:"duplicates"`
	Unknown     uint64  `json:"unknown"` // padding and probes, since the start
	LossPercent float64 `json:"loss_percent"`
	WorstLoss   float64 `json:"worst_flow_loss_percent"`
	OutPPS      float64 `json:"out_pps"`
	OutMbps     float64 `json:"out_mbps"`

	Delay Delay `json:"forwarding_delay"`
	Join  Join  `json:"join"`

	Server    *Server   `json:"server,omitempty"` // nil when its process is not known
	ServerWhy string    `json:"server_unknown,omitempty"`
	Generator Generator `json:"generator"`

	Missing []string `json:"missing"` // some of the streams that did not arrive

	// Failure says what did not arrive, and is empty when everything did, or when the generator could
	// not keep up: then it cannot tell.
	Failure string `json:"failure,omitempty"`
}

// Delay is from just before a packet is written to its arrival at the kernel's socket of the receiver.
type Delay struct {
	P50 float64 `json:"p50_us"`
	P95 float64 `json:"p95_us"`
	P99 float64 `json:"p99_us"`
	Max float64 `json:"max_us"`
}

// Join is from the open WebSocket (or the offer that was answered, by WHEP) to the first packet.
type Join struct {
	Count int     `json:"count"`
	P50   float64 `json:"p50_ms"`
	P95   float64 `json:"p95_ms"`
	Max   float64 `json:"max_ms"`
	// LastP95 is of the last tenth that joined: the room was all but full.
	LastP95 float64 `json:"last_tenth_p95_ms"`
}

// Server is what the server's process used.
type Server struct {
	PID               int     `json:"pid"`
	CPUSeconds        float64 `json:"cpu_s"`                      // user and system, in the window
	CPUPercent        float64 `json:"cpu_percent"`                // of one core
	CPUPerPacket      float64 `json:"cpu_us_per_packet"`          // CPUSeconds by PacketsOut
	MemoryMiB         float64 `json:"memory_mib"`                 // resident, at the end of the window
	MemoryBeforeMiB   float64 `json:"memory_before_mib"`          // before anybody joined
	KiBPerParticipant float64 `json:"memory_kib_per_participant"` // of the difference
	KiBPerSeat        float64 `json:"memory_kib_per_seat"`        // likewise
}

// Generator is how well the load generator did.
type Generator struct {
	KeptUp        bool     `json:"kept_up"`
	Troubles      []string `json:"troubles"`    // why not
	CPUPercent    float64  `json:"cpu_percent"` // of one core, in the window
	Cores         int      `json:"cores"`
	IdlePercent   float64  `json:"machine_idle_percent"` // of all cores
	OthersPercent float64  `json:"others_percent"`       // of one core: what neither the server nor the generator used
	SweepPercent  float64  `json:"sweep_percent"`        // how busy the reading thread was
	SendLagP99    float64  `json:"send_lag_p99_us"`      // how late packets were sent
	ReadLagP99    float64  `json:"read_lag_p99_us"`      // from the socket to the reader
	Drops         uint64   `json:"drops"`                // packets it was too slow to read
	SendErrors    uint64   `json:"send_errors"`          // since the start
}

const (
	// A generator that needs more than this share of what it may use is not to be trusted.
	cpuLimit = 0.9
	// idleLimit is the share of the machine that has to be left over.
	idleLimit = 0.02
	// lagLimit is how late packets may be sent: half a frame.
	lagLimit = 15 * time.Millisecond
)

// report puts the figures together.
func (r *run) report(complete bool, before, from, to usage) *Report {
	c := r.collector
	seconds := to.at.Sub(from.at).Seconds()
	out := &Report{
		Scenario: r.cfg.Scenario, Protocol: "parley", Size: r.cfg.Size, WindowS: seconds,
		Participants: len(r.everybody), ServerWhy: r.pidWhy,
	}
	if r.cfg.WHIP != "" {
		out.Protocol = "whip"
	}
	out.Flows, out.FlowsWanted = c.started(r.everybody)
	const examples = 5
	out.Missing = c.missing(r.everybody, examples)
	r.joins(out)
	out.Generator = r.generator(from, to)

	c.mu.Lock()
	defer c.mu.Unlock()
	out.PacketsOut, out.Duplicates, out.Unknown = c.received, c.duplicates, c.unknown
	out.OutPPS = float64(c.received) / seconds
	out.OutMbps = float64(c.bytes) * 8 / 1e6 / seconds
	out.Delay = Delay{
		P50: micros(c.delay.quantile(0.5)), P95: micros(c.delay.quantile(0.95)),
		P99: micros(c.delay.quantile(0.99)), Max: micros(c.delay.most),
	}
	out.Generator.ReadLagP99 = micros(c.lag.quantile(0.99))
	r.loss(out)
	if r.pid != 0 {
		out.Server = serverUsage(r.pid, before, from, to, out)
	}
	out.judge(complete, r.cfg.MaxLoss)
	return out
}

// judge says what failed, unless it may have been the generator.
func (out *Report) judge(complete bool, maxLoss float64) {
	failure := ""
	switch {
	case !complete:
		failure = fmt.Sprintf("only %d of %d streams arrived", out.Flows, out.FlowsWanted)
	case out.PacketsOut == 0:
		failure = "nothing arrived"
	case out.LossPercent > maxLoss:
		failure = fmt.Sprintf("%.2f %% of the packets were lost", out.LossPercent)
	}
	g := &out.Generator
	if failure != "" && g.IdlePercent < idleLimit*100 {
		// Whose fault it is cannot be told: both wait for a core.
		g.trouble("the machine had %.1f %% of its time left over, and %s", g.IdlePercent, failure)
	}
	if g.KeptUp {
		out.Failure = failure
	}
}

// trouble notes why the generator is not to be trusted.
func (g *Generator) trouble(format string, args ...any) {
	g.Troubles, g.KeptUp = append(g.Troubles, fmt.Sprintf(format, args...)), false
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// joins fills in how long joining took.
func (r *run) joins(out *Report) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var took, last histogram
	for i, in := range r.arrived {
		out.Seats += in.seats
		if in.receiver == nil {
			continue
		}
		first := in.receiver.firstPacket()
		if first.IsZero() {
			out.ParticipantsWithoutMedia++
			continue
		}
		took.add(first.Sub(in.opened))
		if i >= len(r.arrived)*9/10 {
			last.add(first.Sub(in.opened))
		}
	}
	millis := func(d time.Duration) float64 { return micros(d) / 1000 }
	out.Join = Join{
		Count: int(took.total), P50: millis(took.quantile(0.5)), P95: millis(took.quantile(0.95)), Max: millis(took.most),
		LastP95: millis(last.quantile(0.95)),
	}
}

// loss compares what was sent with what arrived; the collector's mu is held. Where more people talk than
// can be heard, the server chooses: then only gaps between what arrived count.
func (r *run) loss(out *Report) {
	sent := map[flowKey]uint64{}
	for i, streams := range r.streams {
		for _, s := range streams {
			n := s.inWindow.Load()
			sent[flowKey{0, uint16(i), s.kind}] = n
			out.PacketsIn += n
			out.Published++
		}
	}
	var arrived uint64
	count := func(p *participant, publisher int, k kind, chosen bool) {
		f := r.collector.flows[flowKey{p.number, uint16(publisher), k}]
		if f == nil {
			f = &flow{}
		}
		expected := sent[flowKey{0, uint16(publisher), k}]
		if chosen {
			expected = f.span()
		}
		out.Expected += expected
		arrived += min(f.received, expected) // the edges of the window are sharp to a packet
		if expected > f.received {
			out.WorstLoss = max(out.WorstLoss, 100*float64(expected-f.received)/float64(expected))
		}
	}
	for i := range r.everybody {
		p := &r.everybody[i]
		for _, n := range p.hears {
			count(p, n, audio, len(p.hears) > p.audible)
		}
		for _, n := range p.sees {
			count(p, n, video, false)
		}
	}
	if out.Expected > 0 {
		out.LossPercent = 100 * float64(out.Expected-arrived) / float64(out.Expected)
	}
}

// memoryEach is what a participant costs, where it shows.
func (s *Server) memoryEach() string {
	if s.KiBPerParticipant <= 0 {
		return "it had room left; start it anew to see what a participant costs"
	}
	return fmt.Sprintf("%.0f KiB per participant, %.0f KiB per seat", s.KiBPerParticipant, s.KiBPerSeat)
}

func serverUsage(pid int, before, from, to usage, out *Report) *Server {
	const mib, kib = 1 << 20, 1 << 10
	s := &Server{
		PID: pid, CPUSeconds: (to.server - from.server).Seconds(),
		MemoryMiB: float64(to.resident) / mib, MemoryBeforeMiB: float64(before.resident) / mib,
	}
	s.CPUPercent = 100 * s.CPUSeconds / out.WindowS
	if out.PacketsOut > 0 {
		s.CPUPerPacket = s.CPUSeconds * 1e6 / float64(out.PacketsOut)
	}
	grown := float64(to.resident-before.resident) / kib
	s.KiBPerParticipant = grown / float64(out.Participants)
	if out.Seats > 0 {
		s.KiBPerSeat = grown / float64(out.Seats)
	}
	return s
}

// generator judges the run's own half.
func (r *run) generator(from, to usage) Generator {
	seconds := to.at.Sub(from.at).Seconds()
	lag := r.pacer.lag(0.99)
	g := Generator{
		KeptUp: true, Troubles: []string{},
		CPUPercent: 100 * (to.own - from.own).Seconds() / seconds, Cores: cores(),
		SweepPercent: 100 * (to.sweeping - from.sweeping).Seconds() / seconds,
		SendLagP99:   micros(lag), Drops: to.drops - from.drops,
	}
	if total := to.machine - from.machine; total > 0 {
		g.IdlePercent = 100 * float64(to.idle-from.idle) / float64(total)
		busy := total - (to.idle - from.idle)
		g.OthersPercent = 100 * (busy - (to.own - from.own) - (to.server - from.server)).Seconds() / seconds
	}
	for _, streams := range r.streams {
		for _, s := range streams {
			g.SendErrors += s.failed.Load()
		}
	}
	if most := cpuLimit * 100 * float64(g.Cores); g.CPUPercent > most {
		g.trouble("it used %.0f %% of %d cores", g.CPUPercent, g.Cores)
	}
	if g.SweepPercent > cpuLimit*100 {
		g.trouble("its reading thread was busy %.0f %% of the time", g.SweepPercent)
	}
	if lag > lagLimit {
		g.trouble("it sent packets %.1f ms late (p99)", float64(lag)/1e6)
	}
	if g.Drops > 0 {
		g.trouble("it was too slow to read %d packets", g.Drops)
	}
	if n := r.dialer.locked(); n > 0 {
		g.trouble("it could not open the packets of %d connections", n)
	}
	return g
}

// WriteTable prints the report for a person.
func (out *Report) WriteTable(to io.Writer) error {
	table := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) {
		fmt.Fprintf(table, "%s\t%s\n", name, fmt.Sprintf(format, args...))
	}
	row("scenario", "%s by %s: %d participants, %d streams sent, %d of %d received, %.0f s", out.Scenario, out.Protocol,
		out.Participants, out.Published, out.Flows, out.FlowsWanted, out.WindowS)
	row("packets", "%d in, %d out of %d (%.0f/s, %.1f Mbit/s)", out.PacketsIn, out.PacketsOut, out.Expected, out.OutPPS, out.OutMbps)
	row("loss", "%.3f %%, worst stream %.2f %%", out.LossPercent, out.WorstLoss)
	row("forwarding delay", "p50 %.0f us, p95 %.0f us, p99 %.0f us, most %.0f us", out.Delay.P50, out.Delay.P95, out.Delay.P99, out.Delay.Max)
	if out.Join.Count > 0 {
		row("join", "p50 %.0f ms, p95 %.0f ms, most %.0f ms (%d joined; the last tenth: p95 %.0f ms)",
			out.Join.P50, out.Join.P95, out.Join.Max, out.Join.Count, out.Join.LastP95)
	}
	if s := out.Server; s != nil {
		row("server CPU", "%.2f us per forwarded packet, %.0f %% of a core", s.CPUPerPacket, s.CPUPercent)
		row("server memory", "%.1f MiB, %.1f before: %s", s.MemoryMiB, s.MemoryBeforeMiB, s.memoryEach())
	} else {
		row("server CPU, memory", "not known: %s", out.ServerWhy)
	}
	g := out.Generator
	row("generator", "%.0f %% of a core, sends %.0f us late, reads %.0f us late (p99), others use %.0f %% of a core",
		g.CPUPercent, g.SendLagP99, g.ReadLagP99, g.OthersPercent)
	for _, trouble := range g.Troubles {
		row("", "The generator could not keep up, so this says little of the server: %s.", trouble)
	}
	if len(out.Missing) > 0 {
		row("missing", "%s", strings.Join(out.Missing, ", "))
	}
	if out.Failure != "" {
		row("failed", "%s", out.Failure)
	}
	return table.Flush()
}
