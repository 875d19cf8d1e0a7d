//go:build wasip1

package abi

import "unsafe"

// Lift returns the text, without copying it.
func (text String) Lift() string {
	if text.Length == 0 {
		return ""
	}
	return unsafe.String((*byte)(at(text.Pointer)), text.Length)
}

// Lift returns the text; nil if there is none.
func (option OptionString) Lift() *string {
	if option.Some == 0 {
		return nil
	}
	text := option.Value.Lift()
	return &text
}

// Lift returns the number; nil if there is none.
func (option OptionS64) Lift() *int64 {
	if option.Some == 0 {
		return nil
	}
	return &option.Value
}

// Lift returns the texts.
func (list ListString) Lift() []string {
	if list.Length == 0 {
		return nil
	}
	texts := make([]string, list.Length)
	for i, text := range unsafe.Slice((*String)(at(list.Pointer)), list.Length) {
		texts[i] = text.Lift()
	}
	return texts
}

// Lower returns the position of text. The caller must keep text alive until the host has read it.
func Lower(text string) String {
	return String{Pointer: address(unsafe.StringData(text)), Length: uint32(len(text))}
}

// LowerList returns a list of the positions of texts. The caller must keep the list and texts alive until the
// host has read them.
func LowerList(texts []string) ([]String, ListString) {
	list := make([]String, len(texts))
	for i, text := range texts {
		list[i] = Lower(text)
	}
	return list, ListString{Pointer: address(unsafe.SliceData(list)), Length: uint32(len(list))}
}

// address converts a pointer to an address for the host.
func address[T any](pointer *T) uint32 {
	return uint32(uintptr(unsafe.Pointer(pointer)))
}
