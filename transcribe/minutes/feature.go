package minutes

// Features of a line, each a number below modelSize: hashes of what is true of it. Names become NAME,
// departments DEPT, dates DATE and numbers NUM, so that nothing of one meeting's people is learnt.

// hashing is FNV-1a (Fowler, Noll, Vo), 32 bits, finished with a multiplication so that the high bits,
// which are the ones kept, depend on every byte.
const (
	fnvBasis = 2166136261
	fnvPrime = 16777619
	fnvFinal = 2654435769 // 2^32 divided by the golden ratio (Knuth, TAOCP 3, §6.4)
)

func hashText(h uint32, s string) uint32 {
	for i := 0; i < len(s); i++ {
		h = (h ^ uint32(s[i])) * fnvPrime
	}
	return h
}

func hashNumber(h, n uint32) uint32 {
	for range 4 {
		h = (h ^ n&0xff) * fnvPrime
		n >>= 8
	}
	return h
}

// featureSet collects the features of one line, each once.
type featureSet struct {
	list   []uint32
	seen   []uint32 // by feature: the line that had it last
	number uint32   // of this line
}

func newFeatureSet() *featureSet { return &featureSet{seen: make([]uint32, modelSize)} }

func (f *featureSet) reset() {
	f.list = f.list[:0]
	f.number++
}

func (f *featureSet) add(h uint32) {
	index := h * fnvFinal >> (32 - modelBits)
	if f.seen[index] != f.number {
		f.seen[index] = f.number
		f.list = append(f.list, index)
	}
}

// text adds a named feature.
func (f *featureSet) text(name string) { f.add(hashText(fnvBasis, name)) }

// value adds a named feature with a value.
func (f *featureSet) value(name string, n int) {
	f.add(hashNumber(hashText(fnvBasis, name), uint32(n)))
}

// How many utterances make a meeting a long one: below it are excerpts, where work is talked about
// more densely. Chosen so that a ten-minute meeting is long.
const longMeeting = 120

// scratch is a feature set to use at once.
func (k *talk) scratch() *featureSet {
	if k.set == nil {
		k.set = newFeatureSet()
	}
	return k.set
}

// features lists what is true of a line; words says whether what its words are counts, or only what the
// rules see in them.
func (k *talk) features(index int, f *featureSet, words bool) {
	f.reset()
	l := &k.lines[index]
	long := k.length() >= longMeeting
	f.text("bias")
	if long {
		f.text("long")
		k.placeFeatures(index, f)
	}
	k.shapeFeatures(l, f)
	k.cueFeatures(index, l, long, f)
	if words {
		grams(k.wordHashes(l), f)
	}
	k.neighbourFeatures(index, f, words)
	k.windowFeatures(index, f)
}

// placeFeatures say where in a long meeting a line stands: work is given out at its end (Murray and
// Renals 2008).
func (k *talk) placeFeatures(index int, f *featureSet) {
	n := k.length()
	place := index + k.before
	f.value("tenth", place*10/n)
	left := n - place
	for _, few := range [...]int{15, 30, 60, 100} {
		if left <= few {
			f.value("left", few)
		}
	}
	if place < 30 {
		f.text("begins")
	}
	if k.share(k.lines[index].speaker) > 0.35 {
		f.text("talks most")
	}
}

// length is how many lines the meeting has.
func (k *talk) length() int { return max(len(k.lines), len(k.around)) }

// share is how much of the lines one speaker has.
func (k *talk) share(speaker int) float64 {
	if k.shares == nil {
		k.shares = map[int]int{}
		for i := range k.lines {
			k.shares[k.lines[i].speaker]++
		}
	}
	return float64(k.shares[speaker]) / float64(k.length())
}

// shapeFeatures are length, script and what the line mentions.
func (k *talk) shapeFeatures(l *line, f *featureSet) {
	bucket := 0
	for n := len(l.tokens); n > 2 && bucket < 7; n = n * 2 / 3 {
		bucket++
	}
	f.value("length", bucket)
	if l.asks {
		f.text("asks")
	}
	if l.han {
		f.text("han")
	}
	names, depts := 0, 0
	for _, m := range l.mentions {
		if m.who != nil {
			names++
		} else {
			depts++
		}
	}
	f.value("names", min(names, 3))
	f.value("depts", min(depts, 2))
	for _, d := range l.dates {
		f.value("date", int(d.role))
		if d.dated {
			f.value("dated", int(d.role))
		}
	}
}

// cueFeatures are the cues, and what the rules make of them.
func (k *talk) cueFeatures(index int, l *line, long bool, f *featureSet) {
	own, inLong := hashText(fnvBasis, "cue"), hashText(fnvBasis, "cue long")
	for _, name := range k.cueNames(l) {
		f.add(hashText(own, name))
		if long {
			f.add(hashText(inLong, name))
		}
	}
	reply, _ := k.reply(index)
	f.value("reply", int(reply))
	claims := k.claims(index)
	if len(claims) == 0 {
		f.text("no claim")
		return
	}
	best := &claims[0]
	for i := range claims {
		if claims[i].score > best.score {
			best = &claims[i]
		}
	}
	f.value("claims", min(len(claims), 3))
	f.value("kind", int(best.kind))
	f.value("kind reply", int(best.kind)*8+int(reply))
	for step := -2; step <= 10; step++ { // a thermometer in halves
		if best.score*2 >= float64(step) {
			f.value("score", step)
			if long {
				f.value("score long", step)
			}
		}
	}
	if best.trigger.from < 3 {
		f.text("trigger in front")
	}
}

// cueNames are the cues of a line, each once; those that only answer are left to the neighbours.
func (k *talk) cueNames(l *line) []string {
	if l.cues != nil {
		return l.cues
	}
	l.cues = make([]string, 0, len(l.hits))
	for _, h := range l.hits {
		c := &k.lexicon.cues.cues[h.cue]
		if c.kind == cueAgainst && k.covered(l, h) {
			continue
		}
		if !containsText(l.cues, c.name) {
			l.cues = append(l.cues, c.name)
		}
	}
	return l.cues
}

// wordHashes are the words of a line with its people, dates and numbers made anonymous.
func (k *talk) wordHashes(l *line) []uint32 {
	if l.words != nil {
		return l.words
	}
	l.words = make([]uint32, 0, len(l.tokens))
	for i := 0; i < len(l.tokens); i++ {
		t := &l.tokens[i]
		word := t.word
		switch {
		case t.has(tagName):
			word, i = "NAME", i+max(1, t.jump)-1
		case t.has(tagDept):
			word, i = "DEPT", i+max(1, t.jump)-1
		case t.has(tagDate) && t.jump > 0:
			word, i = "DATE", i+t.jump-1
		case t.has(tagNum):
			word = "NUM"
		}
		l.words = append(l.words, hashText(fnvBasis, word))
	}
	return l.words
}

// grams adds runs of one to three words (or characters), and the first and last two.
func grams(words []uint32, f *featureSet) {
	seed := hashText(fnvBasis, "gram")
	for i := range words {
		h := seed
		for n := 0; n < 3 && i+n < len(words); n++ {
			h = hashNumber(h, words[i+n])
			f.add(h)
		}
	}
	if n := len(words); n >= 2 {
		f.add(hashNumber(hashNumber(hashText(fnvBasis, "first"), words[0]), words[1]))
		f.add(hashNumber(hashNumber(hashText(fnvBasis, "last"), words[n-2]), words[n-1]))
	}
}

// windowFeatures are what the same speaker does nearby: who gives out work gives out several pieces.
func (k *talk) windowFeatures(index int, f *featureSet) {
	const around = 6
	same, work, given := 0, 0, 0
	for i := max(0, index-around); i <= min(len(k.lines)-1, index+around); i++ {
		if i == index || k.lines[i].speaker != k.lines[index].speaker {
			continue
		}
		same++
		for _, c := range k.claims(i) {
			if c.score < scoreProposed-0.5 {
				continue
			}
			work++
			if c.kind == ownerYou || c.kind == ownerNamed || c.kind == ownerDept {
				given++
			}
		}
	}
	f.value("same near", same/3)
	f.value("work near", min(work, 4))
	f.value("given near", min(given, 4))
}

// neighbourFeatures are what is said just before and after, and by whom.
func (k *talk) neighbourFeatures(index int, f *featureSet, words bool) {
	for _, offset := range [...]int{-2, -1, 1, 2} {
		l, own := k.lineAt(index + offset)
		if l == nil {
			f.value("edge", offset)
			continue
		}
		same := 0
		if own && l.speaker == k.lines[index].speaker {
			same = 1
		}
		base := hashNumber(hashNumber(hashText(fnvBasis, "near"), uint32(offset)), uint32(same))
		f.add(base)
		for _, name := range k.cueNames(l) {
			f.add(hashText(base, name))
		}
		if words && (offset == -1 || offset == 1) {
			near := hashNumber(hashText(fnvBasis, "near word"), uint32(offset))
			for n, word := range k.wordHashes(l) {
				if n == 12 {
					break
				}
				f.add(hashNumber(near, word))
			}
		}
	}
}

// lineAt is a line of the talk, or of what an excerpt is put into (then own is false); nil past the end.
func (k *talk) lineAt(index int) (l *line, own bool) {
	if index >= 0 && index < len(k.lines) {
		return &k.lines[index], true
	}
	if index < 0 {
		index += k.before
	} else {
		index += k.before - len(k.lines)
	}
	if index < 0 || index >= len(k.around) {
		return nil, false
	}
	return &k.around[index], false
}
