package transcribe

import (
	_ "embed"
	"strings"
	"sync"
)

//go:embed jyutping.txt
var jyutpingTable string

//go:embed pinyin.txt
var pinyinTable string

// jyutping is how characters sound in Cantonese as most people in Hong Kong say it now: without tones, n as
// l, no ng in front, gw and kw as g and k before o. Read once.
var jyutping = sync.OnceValue(func() map[rune]string { //nolint:gochecknoglobals // constant once read
	return readReadings(jyutpingTable, func(syllable string) string { return relaxed(strings.TrimRight(syllable, "123456")) })
})

// pinyin is how characters sound in Mandarin without tones, as people from the south say it: zh, ch and sh
// as z, c and s, ng as n. Read once.
var pinyin = sync.OnceValue(func() map[rune]string { //nolint:gochecknoglobals // likewise
	southern := strings.NewReplacer("zh", "z", "ch", "c", "sh", "s")
	return readReadings(pinyinTable, func(syllable string) string { return strings.TrimSuffix(southern.Replace(syllable), "g") })
})

// readReadings reads a table of lines of a syllable and the characters that are read so; said is how it sounds.
func readReadings(table string, said func(syllable string) string) map[rune]string {
	sounds := make(map[rune]string, 1<<15)
	for line := range strings.Lines(table) {
		reading, characters, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok || reading == "#" {
			continue
		}
		sound := said(reading)
		for _, r := range characters {
			sounds[r] = sound
		}
	}
	return sounds
}

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

// soundsOf is how characters sound in Mandarin.
func soundsOf(runes []rune) []string { return soundsIn(pinyin(), runes) }

// cantoneseSoundsOf is how characters sound in Cantonese.
func cantoneseSoundsOf(runes []rune) []string { return soundsIn(jyutping(), runes) }

// soundsIn is how characters sound by a table. One without a known sound is itself.
func soundsIn(readings map[rune]string, runes []rune) []string {
	sounds := make([]string, len(runes))
	for i, r := range runes {
		if sounds[i] = readings[r]; sounds[i] == "" {
			sounds[i] = string(r)
		}
	}
	return sounds
}
