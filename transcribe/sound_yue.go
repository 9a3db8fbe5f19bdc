package transcribe

import (
	_ "embed"
	"strings"
	"sync"
)

//go:embed jyutping.txt
var jyutpingTable string

// jyutping is how characters sound in Cantonese as most people in Hong Kong say it now: without tones, n as
// l, no ng in front, gw and kw as g and k before o. Read once.
var jyutping = sync.OnceValue(func() map[rune]string { //nolint:gochecknoglobals // constant once read
	sounds := make(map[rune]string, 1<<15)
	for line := range strings.Lines(jyutpingTable) {
		reading, characters, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok || reading == "#" {
			continue
		}
		sound := relaxed(strings.TrimRight(reading, "123456"))
		for _, r := range characters {
			sounds[r] = sound
		}
	}
	return sounds
})

// relaxed is a syllable of jyutping without the distinctions that most speakers do not make.
func relaxed(syllable string) string {
	switch {
	case syllable == "ng":
		return "m"
	case strings.HasPrefix(syllable, "ng"):
		return syllable[len("ng"):]
	case strings.HasPrefix(syllable, "n"):
		return "l" + syllable[1:]
	case strings.HasPrefix(syllable, "gwo"), strings.HasPrefix(syllable, "kwo"):
		return syllable[:1] + syllable[2:]
	}
	return syllable
}

// cantoneseSoundsOf is how characters sound in Cantonese. One without a known sound is itself.
func cantoneseSoundsOf(runes []rune) []string {
	sounds := make([]string, len(runes))
	for i, r := range runes {
		if sounds[i] = jyutping()[r]; sounds[i] == "" {
			sounds[i] = string(r)
		}
	}
	return sounds
}
