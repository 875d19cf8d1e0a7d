// Package exact holds JSON against a Go type more strictly than package encoding/json does.
//
// That takes a member for a field which it resembles but for its case, and takes null for nothing. A caller would
// write `{"amount": 5000, "Amount": 1}` or `{"amount": null}`, and the check would see another amount than the tool.
package exact

import (
	"encoding"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Fits says why text does not fit what target points to, as far as encoding/json would not: a member in another case
// than the field's, or null where the type has none. Pointers and interfaces have.
func Fits(text []byte, target any) error {
	pointer := reflect.TypeOf(target)
	if pointer == nil || pointer.Kind() != reflect.Pointer {
		return &json.InvalidUnmarshalError{Type: pointer}
	}
	var document any
	if err := json.Unmarshal(text, &document); err != nil {
		return err
	}
	return fits(document, pointer.Elem(), "")
}

var (
	readsJSON = reflect.TypeFor[json.Unmarshaler]()
	readsText = reflect.TypeFor[encoding.TextUnmarshaler]()
)

func fits(value any, kind reflect.Type, where string) error {
	if kind.Kind() == reflect.Pointer {
		if value == nil {
			return nil
		}
		return fits(value, kind.Elem(), where)
	}
	pointer := reflect.PointerTo(kind)
	if kind.Kind() == reflect.Interface || pointer.Implements(readsJSON) {
		return nil
	}
	if value == nil {
		return fmt.Errorf("json: null at `%s` is no %s", where, kind)
	}
	if pointer.Implements(readsText) {
		return nil
	}
	switch value := value.(type) {
	case map[string]any:
		return membersFit(value, kind, where)
	case []any:
		if kind.Kind() != reflect.Slice && kind.Kind() != reflect.Array {
			return nil
		}
		for index, element := range value {
			if err := fits(element, kind.Elem(), fmt.Sprintf("%s/%d", where, index)); err != nil {
				return err
			}
		}
	}
	return nil
}

func membersFit(members map[string]any, kind reflect.Type, where string) error {
	for _, name := range slices.Sorted(maps.Keys(members)) {
		member, place := kind, where+"/"+name
		switch kind.Kind() {
		case reflect.Map:
			member = kind.Elem()
		case reflect.Struct:
			field, found := fieldOf(kind, name)
			if !found {
				continue
			}
			if field.name != name {
				return fmt.Errorf("json: `%s` is written `%s` in %s", place, field.name, kind)
			}
			member = field.kind
		default:
			return nil
		}
		if err := fits(members[name], member, place); err != nil {
			return err
		}
	}
	return nil
}

// field is what encoding/json sees of a struct's field.
type field struct {
	name string
	kind reflect.Type
}

// fieldOf is the field that encoding/json would take for a member: the one of its name, or else one that resembles it.
func fieldOf(kind reflect.Type, member string) (found field, ok bool) {
	for _, visible := range reflect.VisibleFields(kind) {
		tag, tagged := visible.Tag.Lookup("json")
		name, _, _ := strings.Cut(tag, ",")
		if tag == "-" || visible.Anonymous && name == "" || !visible.IsExported() {
			continue
		}
		if !tagged || name == "" {
			name = visible.Name
		}
		if name == member {
			return field{name, visible.Type}, true
		}
		if !ok && strings.EqualFold(name, member) {
			found, ok = field{name, visible.Type}, true
		}
	}
	return found, ok
}
