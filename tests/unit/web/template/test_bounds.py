"""Templates are a user's, their input a stranger's: every text compiles or is refused, every rendering ends within
its steps.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samovar.web.template import RenderError, Scope, TemplateError, compile
from samovar.web.template.run import MAX_STEPS
from samovar.web.template.values import MAX_TEXT

PIECES = (
    "#set( #if( #elseif( #else #end #foreach( #break #stop #macro( #define( #evaluate( #hi( #@hi( ## #* *# #[[ ]]# "
    "$ $! ${ } $x $y $l $m $input $util $context $foreach .x .get( .put( .add( .addAll( .path( .json( .params( .body "
    ".replaceAll( .split( .matches( .keySet() .parseJson( .concat( [ ] { } ( ) , : .. '$..*' 'a' \"b$x\" '(a+)+$' "
    "1 2.5 -3 true false = == != < > <= >= && || ! + - * / % in hi \\ \n"
).split(" ")
WORDS = st.lists(st.sampled_from(PIECES) | st.text(max_size=4), max_size=40).map(" ".join)
SENTENCES = st.lists(
    st.sampled_from(
        (
            "#set($x = $x + $x)",
            "#set($x = 'ab')",
            "#set($l = [$l, $l])",
            "#set($d = $l.add($l))",
            "#set($d = $l.addAll($l))",
            "#set($m.k = $m)",
            "#set($m = {'a': $m, 'b': $m})",
            "#set($root = $input.path('$'))#set($root.self = $root)",
            "$input.json('$..*')",
            "$x$l$m",
            "#if($l == $m || $m == $m || $l.contains($m))x#end",
            "#set($x = $x.replaceAll('(a*)*b', '$1$1'))",
            "#set($x = $x.replaceAll('', 'xx'))",
            "$x.matches('(a|a|b)*c')",
            "#set($n = $n * $n + 7)#set($n = 9)",
            "#foreach($i in [1..100000])",
            "#foreach($i in [1..30])",
            "#foreach($i in $l)",
            "#end",
            "#macro(f $a)#f($a)#f($a)#end",
            "#f($x)",
            "#define($q)$q$q#end$q",
            "#evaluate($x)",
        )
    ),
    max_size=30,
).map("".join)


def try_to_render(template):
    try:
        compiled = compile(template)
    except TemplateError:
        return
    try:
        written = compiled.render(Scope(body='{"a":{"b":[1,2,{"c":"d"}]}}', query={"q": "1"}))
    except RenderError:
        return
    assert isinstance(written, str) and len(written) <= MAX_TEXT + MAX_STEPS * 16


@given(WORDS)
@settings(max_examples=150, deadline=None)
def test_any_words_compile_and_end_or_are_refused(template):
    try_to_render(template)


@given(SENTENCES)
@settings(max_examples=60, deadline=None)
def test_sentences_that_grow_and_repeat_end(template):
    try_to_render(template)


@pytest.mark.parametrize(
    ("template", "what"),
    [
        ("#set($x = 'a')#foreach($i in [1..99])#set($x = $x + $x)#end", "A text of more than"),
        ("#set($l = [1])#foreach($i in [1..99])#set($d = $l.addAll($l))#end", "A collection of more than|too much"),
        ("#set($l = [])#set($d = $l.add($l))$l", "contains itself"),
        ("#set($l = [])#foreach($i in [1..99])#set($l = [$l, $l])#end$l", "too much"),
        (
            "#set($a=[])#set($b=[])#foreach($i in [1..60])#set($a=[$a,$a])#set($b=[$b,$b])#end#if($a==$b)#end",
            "too much",
        ),
        ("#set($r = $input.path('$'))#set($r.r = $r)$input.json('$')", "contains itself"),
        ("#set($r = $input.path('$'))#set($r.r = $r)$input.json('$..x')", "contains itself"),
        ("#foreach($a in [1..999])#foreach($b in [1..999])#foreach($c in [1..999])x#end#end#end", "too much"),
        ("#macro(f)#f()#end#f()", "too deeply"),
        ("#macro(f)#g()#end#macro(g)#f()#end#f()", "Macros call each other"),
        ("#define($x)$x#end$x", "too deeply"),
        ("#set($s = '#evaluate($s)')#evaluate($s)", "too deeply"),
        ("#set($n = 9)#foreach($i in [1..99])#set($n = $n * $n)#end", "too many digits"),
        ("#set($s = 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!')$s.matches('(a+)+$')", "too much"),
        ("#set($s = 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!')$s.replaceAll('(a|aa)+$', 'b')", "too much"),
        ("#set($s = 'x')$s.matches('((x{1000}){1000}){1000}')", "too many steps"),
        ("#set($s = 'x')$s.repeat(99999999)", "too large"),
        ("#set($r = [1..99999999])", "too much"),
    ],
)
def test_what_would_take_for_ever_is_ended(template, what):
    with pytest.raises(RenderError, match=what):
        compile(template).render(Scope(body="{}"))


def test_a_loop_ends_after_a_thousand_rounds():
    template = compile("#foreach($i in [1..5000])#set($last = $i)#end$last")
    assert template.render(Scope()) == "1000"


def test_large_bodies_are_no_problem():
    items = ",".join(f'{{"id":{n},"name":"no {n}"}}' for n in range(100_000))
    body = '{"items":[' + items + "]}"
    written = compile("$input.json('$')").render(Scope(body=body))
    assert written == body
    assert len(compile("$util.base64Encode($input.body)").render(Scope(body=body))) > len(body)
    assert (
        compile("$input.path('$.items').size() $input.path('$.items[99999].id')").render(Scope(body=body))
        == "100000 99999"
    )


def test_a_template_can_be_rendered_many_times_and_remembers_nothing():
    template = compile("#set($x = \"$!x$input.path('$.a')\")#macro(f)$x#end#f()")
    assert [template.render(Scope(body=f'{{"a":{n}}}')) for n in range(3)] == ["0", "1", "2"]
