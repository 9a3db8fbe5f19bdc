package minutes

import (
	"fmt"
	"io"
	"math"
	"slices"
)

// What the thresholds are chosen for.
const (
	alarmsAllowed = 0.12  // false items per 100 utterances of everyday talk, for proposed items
	goodEnough    = 0.01  // F1 lost against the best threshold, and no more
	slack         = 0.015 // F1 lost against the best for suggested lines: the lowest threshold, to miss few
	surePart      = 0.5   // part of the lines proposed in long meetings that must be right
	belowProposed = 1.0   // log-odds by which suggested items of short meetings may be less sure
)

// tune chooses where proposed and suggested begin, from what models say of meetings they have not
// seen. Short meetings: the best items of the snippets. Long ones: few false alarms in everyday talk,
// and half way between the best lines and the surest for proposed; the best lines for suggested.
func tune(meetings []labelled, models []*model, log io.Writer) {
	align(models)
	scale := models[0].scale
	var long tiers
	best, sure := lineThresholds(meetings, models)
	long.suggested, long.proposed = best, max((best+sure)/2, quietFrom(meetings, models))
	short := shortThreshold(meetings, models)
	for _, m := range models {
		m.short = tiers{short, short - int32(belowProposed*float64(scale))}
		m.long = tiers{long.proposed, min(long.suggested, long.proposed)}
	}
	fmt.Fprintf(log, "thresholds: short %+.2f and %+.2f, long %+.2f and %+.2f\n",
		logOdds(models[0].short.proposed, scale), logOdds(models[0].short.suggested, scale),
		logOdds(models[0].long.proposed, scale), logOdds(models[0].long.suggested, scale))
}

func logOdds(sum, scale int32) float64 { return float64(sum) / float64(scale) }

// scaled converts thresholds from one model's unit to another's.
func (t tiers) scaled(from, to *model) tiers {
	convert := func(sum int32) int32 { return int32(int64(sum) * int64(to.scale) / int64(from.scale)) }
	return tiers{convert(t.proposed), convert(t.suggested)}
}

// shortThreshold is among the lower of the thresholds at which the items of the snippets, written and
// heard, are found best: a person sees what is proposed too much, and not what is missed.
func shortThreshold(meetings []labelled, models []*model) int32 {
	scale := models[0].scale
	best := 0.0
	var tried []float64
	for i := range 60 {
		hits, found, wanted := 0, 0, 0
		for j := range meetings {
			m := &meetings[j]
			if set := trainingSets()[m.set]; set.gold == "snippets" && !set.within {
				items := m.heldout(models, steps(i, scale))
				hits, found, wanted = hits+m.matched(items), found+len(items), wanted+len(m.items)
			}
		}
		f1 := 2 * float64(hits) / float64(max(1, found+wanted))
		tried, best = append(tried, f1), max(best, f1)
	}
	first, last := -1, 0
	for i, f1 := range tried {
		if f1 >= best-goodEnough {
			if first < 0 {
				first = i
			}
			last = i
		}
	}
	return steps(first+(last-first)/4, scale)
}

// steps are thresholds a tenth of log-odds apart, from -3 on.
func steps(i int, scale int32) int32 { return scale * int32(i-30) / 10 }

// quietFrom is the lowest threshold with few enough false items in everyday talk.
func quietFrom(meetings []labelled, models []*model) int32 {
	for i := range 60 {
		at := steps(i, models[0].scale)
		alarms, utterances := 0, 0
		for j := range meetings {
			m := &meetings[j]
			if trainingSets()[m.set].name == "natural_yue" {
				alarms += len(m.heldout(models, at))
				utterances += len(m.transcript.Utterances)
			}
		}
		if float64(alarms)*100 <= alarmsAllowed*float64(utterances) {
			return at
		}
	}
	return steps(60, models[0].scale)
}

// align gives all models one scale, the smallest, so that a threshold means the same to each.
func align(models []*model) {
	least := models[0].scale
	for _, m := range models {
		least = min(least, m.scale)
	}
	for _, m := range models {
		for i, w := range m.weights {
			m.weights[i] = int8(int32(w) * least / m.scale)
		}
		m.scale = least
	}
}

// heldout finds the items of a meeting with the model of its fold.
func (m *labelled) heldout(models []*model, proposed int32) []found {
	own := *models[m.fold]
	own.short = tiers{proposed, proposed}
	own.long = own.short
	m.talk.model = &own
	return m.talk.items()
}

// matched counts the labelled items that a found one meets within one utterance.
func (m *labelled) matched(items []found) int {
	taken := make([]bool, len(items))
	hits := 0
	for _, want := range m.items {
		for i := range items {
			if !taken[i] && meets(want, items[i].utts) {
				taken[i] = true
				hits++
				break
			}
		}
	}
	return hits
}

func meets(a, b []int) bool {
	for _, x := range a {
		for _, y := range b {
			if x-y <= 1 && y-x <= 1 {
				return true
			}
		}
	}
	return false
}

// lineThresholds are where the lines of long meetings of the training split are found best, and where
// enough of them are right.
func lineThresholds(meetings []labelled, models []*model) (best, sure int32) {
	type scored struct {
		sum int32
		yes bool
	}
	var all []scored
	positives := 0
	f := newFeatureSet()
	for i := range meetings {
		m := &meetings[i]
		if trainingSets()[m.set].name != "ami" {
			continue
		}
		positives += len(m.positive)
		for j := range m.talk.lines {
			m.talk.features(j, f, true)
			yes := false
			for _, t := range m.talk.lines[j].tokens {
				yes = yes || m.positive[t.utt]
			}
			all = append(all, scored{models[m.fold].sum(f.list), yes})
		}
	}
	slices.SortStableFunc(all, func(a, b scored) int { return int(b.sum) - int(a.sum) })
	hits, most := 0, -1.0
	sure = math.MaxInt32
	for i, s := range all {
		if s.yes {
			hits++
		}
		if i+1 < len(all) && all[i+1].sum == s.sum {
			continue
		}
		if f1 := 2 * float64(hits) / float64(i+1+positives); f1 > most-slack {
			most, best = max(most, f1), s.sum
		}
		if float64(hits) >= surePart*float64(i+1) {
			sure = s.sum
		}
	}
	return best, sure
}
