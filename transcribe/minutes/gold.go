package minutes

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/parley/parley"
)

// A labelled meeting: what an extractor may read, and what people found in it.
type labelled struct {
	talk       *talk
	set        int          // index into trainingSets
	fold       int          // of the cross-validation; the same for every form of one meeting
	positive   map[int]bool // utterances that establish an item
	neutral    map[int]bool // neither: they agree to one, or it is doubtful
	items      [][]int      // utterances of each item
	transcript parley.Transcript
}

// goldRecord is one line of a gold file, as far as training needs it.
type goldRecord struct {
	Meeting string `json:"meeting"`
	Split   string `json:"split"`
	Items   []struct {
		Evidence []parley.UtteranceID `json:"evidence"`
		Support  []parley.UtteranceID `json:"support"`
		Soft     bool                 `json:"soft"`
	} `json:"items"`
}

// trainingSet names one corpus and how much its lines weigh. Real talk is mostly not about work: its
// many lines without an item weigh less each, yet decide how rarely the extractor speaks up.
type trainingSet struct {
	name, gold string
	split      string  // "": all
	within     bool    // excerpts are taken for part of a long meeting
	yes, no    float64 // weight of a line with and without an item
	wordless   float64 // not 0: each line is also learnt without its words, with this part of its weight
}

const folds = 5

// trainingSets are the corpora. spoken.* repeats snippets and is left out.
func trainingSets() []trainingSet {
	return []trainingSet{
		{name: "snippets", gold: "snippets", yes: 1, no: 1, wordless: 1},
		{name: "snippets-heard", gold: "snippets", yes: 0.7, no: 0.7, wordless: 1},
		{name: "snippets", gold: "snippets", within: true, yes: 1, no: 1, wordless: 1},
		{name: "snippets-heard", gold: "snippets", within: true, yes: 0.7, no: 0.7, wordless: 1},
		{name: "natural_yue", gold: "natural_yue", yes: 1, no: 0.5},
		{name: "natural_en", gold: "natural_en", yes: 1, no: 0.25},
		{name: "ami", gold: "ami", split: "train", yes: 1, no: 0.3},
	}
}

// readLabelled reads all corpora of a directory.
func readLabelled(l *lexicon, dir string) ([]labelled, error) {
	var all []labelled
	for set, s := range trainingSets() {
		gold, err := readGold(filepath.Join(dir, s.gold+".gold.jsonl"))
		if err != nil {
			return nil, err
		}
		name := filepath.Join(dir, s.name+".transcripts.jsonl")
		file, err := os.Open(name)
		if err != nil {
			return nil, unreadable(name, err)
		}
		err = ReadRecords(name, bufio.NewReader(file), func(t parley.Transcript) error {
			g, ok := gold[string(t.Meeting.ID)]
			if !ok {
				return fmt.Errorf("%s: meeting %q has no gold: %w", name, t.Meeting.ID, parley.Invalid)
			}
			if s.split == "" || s.split == g.Split {
				all = append(all, label(l, t, g, set))
			}
			return nil
		})
		_ = file.Close() // it was read only
		if err != nil {
			return nil, err
		}
	}
	embed(all)
	return all, nil
}

// embed puts the excerpts that are taken for part of a long meeting into one: real talk where there is
// no work, of a language that is near.
func embed(all []labelled) {
	var english, chinese [][]line
	for i := range all {
		m := &all[i]
		switch name := trainingSets()[m.set].name; {
		case len(m.talk.lines) < 2*longMeeting:
		case name == "ami":
			english = append(english, m.talk.lines)
		case name == "natural_yue":
			chinese = append(chinese, m.talk.lines)
		}
	}
	for i := range all {
		m := &all[i]
		around := english
		if m.language() != "en" {
			around = chinese
		}
		if !trainingSets()[m.set].within || len(around) == 0 {
			continue
		}
		number := hashText(fnvBasis, string(m.transcript.Meeting.ID)+"place") * fnvFinal
		m.talk.around = around[int(number>>16)%len(around)]
		m.talk.before = int(number>>4) % len(m.talk.around)
	}
}

func unreadable(name string, err error) error {
	kind := parley.Internal
	if errors.Is(err, fs.ErrNotExist) {
		kind = parley.Invalid
	}
	return &parley.Error{Op: "read training data", Kind: kind, Say: "cannot read " + name, Err: err}
}

func readGold(name string) (map[string]*goldRecord, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, unreadable(name, err)
	}
	defer file.Close()
	gold := map[string]*goldRecord{}
	for decoder := json.NewDecoder(bufio.NewReader(file)); decoder.More(); {
		g := &goldRecord{}
		if err := decoder.Decode(g); err != nil {
			return nil, &parley.Error{Op: "read training data", Kind: parley.Invalid, Say: name + " is not JSON lines", Err: err}
		}
		gold[g.Meeting] = g
	}
	return gold, nil
}

// label turns identifiers into indexes.
func label(l *lexicon, t parley.Transcript, g *goldRecord, set int) labelled {
	m := labelled{
		set: set, transcript: t, positive: map[int]bool{}, neutral: map[int]bool{},
		fold: int(hashText(fnvBasis, g.Meeting) * fnvFinal >> 16 % folds),
	}
	at := map[parley.UtteranceID]int{}
	for i, u := range t.Utterances {
		at[u.ID] = i
	}
	for _, item := range g.Items {
		var utts []int
		for _, id := range item.Evidence {
			i, ok := at[id]
			switch {
			case !ok:
			case item.Soft:
				m.neutral[i] = true
			default:
				m.positive[i] = true
				utts = append(utts, i)
			}
		}
		for _, id := range item.Support {
			if i, ok := at[id]; ok {
				m.neutral[i] = true
			}
		}
		if len(utts) > 0 {
			m.items = append(m.items, utts)
		}
	}
	m.talk = newTalk(l, &m.transcript)
	return m
}
