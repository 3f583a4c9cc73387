"""Mapping templates, sentence by sentence: what AWS documents of them and what is recorded."""

import re

import pytest

from samovar.web.template import BadBody, RenderError, Scope, TemplateError, compile

BODY = '{"foo":"bar","n":{"x":1,"l":[{"foo":"bar"},2.50,1e10]},"list":[1,2,3],"none":[],"null":null,"name":"Ada"}'


def render(template, body=BODY, **scope):
    return compile(template).render(Scope(body=body, **scope))


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("$input.json('$.n.l')", '[{"foo":"bar"},2.5,1.0E10]'),
        ("$input.json('$.name')", '"Ada"'),
        ("$input.json('$.missing')", '""'),
        ("$input.json('$.null')", "null"),
        ("$input.path('$.name')", "Ada"),
        ("$input.path('$.n')", '{x=1, l=[{"foo":"bar"},2.5,1.0E10]}'),
        ("$input.path('$.list')", "[1,2,3]"),
        ("$input.path('$.none')", "[]"),
        ("[$input.path('$.missing')]", "[]"),
        ("#if($input.path('$.missing') == '')e#end#if($input.path('$.missing') == $null)n#end", "en"),
        ("#if($input.path('$.missing'))yes#{else}no#end", "no"),
        ("$input.path('$').list.size()", "3"),
        ("$input.body.x|", "|"),
    ],
)
def test_the_body_is_read_by_json_path(template, expected):
    assert render(template) == expected


def test_the_body_as_it_came_and_an_empty_one_is_an_object():
    assert render("$input.body", " {} x") == " {} x"
    assert render("$input.body $input.json('$')", "") == "{} {}"


def test_what_a_template_puts_into_the_body_is_in_the_json():
    assert render("#set($root = $input.path('$'))#set($root.id = 5)$input.json('$')", '{"a":1}') == '{"a":1,"id":5}'


def test_a_body_that_is_not_json_is_the_clients_fault():
    with pytest.raises(BadBody, match=r"Could not parse request body into json: Unrecognized token 'hello'"):
        render("$input.json('$')", "hello")
    assert render("$input.body", "hello") == "hello"


def test_parameters_are_looked_for_in_the_path_then_the_query_then_the_headers():
    scope = {"path": {"a": "1"}, "query": {"a": "2", "b": "3"}, "headers": {"b": "4", "C": "5"}}
    assert render("$input.params('a')$input.params('b')$input.params('C') [$input.params('d')]", **scope) == "135 []"
    assert render("$input.params()", **scope) == "{path={a=1}, querystring={a=2, b=3}, header={b=4, C=5}}"
    assert render("$input.params().header.get('C')$input.params().querystring.b", **scope) == "53"
    loop = "#foreach($k in $input.params().keySet())$k,#end"
    assert render(loop, **scope) == "path,querystring,header,"


def test_context_and_stage_variables():
    context = {
        "requestId": "r",
        "identity": {"sourceIp": "1.2.3.4", "user": None},
        "authorizer": {"claims": {"sub": "x"}},
    }
    scope = {"context": context, "stage_variables": {"v": "sv"}}
    assert (
        render("$context.requestId $context.identity.sourceIp $context.authorizer.claims.sub", **scope) == "r 1.2.3.4 x"
    )
    assert render("[$context.identity][$context.identity.user][$context.missing.too]", **scope) == "[][][]"
    assert (
        render("$stageVariables.v ${stageVariables.v} ${stageVariables['v']} $stageVariables.get('v')", **scope)
        == "sv sv sv sv"
    )


def test_overrides_are_told_to_the_caller_and_can_be_set_once():
    scope = Scope()
    template = compile(
        "#set($context.responseOverride.status = 201)#set($context.responseOverride.header.X = 'y')"
        "#set($context.requestOverride.header['Z'] = 7)#set($context.requestOverride.querystring.q = 'v')"
        "#set($context.requestOverride.path.p = 'w')#set($context.requestOverride.nonsense = 'w')"
    )
    assert template.render(scope) == ""
    assert scope.response_override == {"status": 201, "header": {"X": "y"}}
    assert scope.request_override == {"header": {"Z": 7}, "querystring": {"q": "v"}, "path": {"p": "w"}}
    with pytest.raises(RenderError, match="status is overridden twice"):
        compile("#set($context.responseOverride.status = 202)").render(scope)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("$util.escapeJavaScript('it''s \"x\" \\ / é😀')", 'it\\\'s \\"x\\" \\\\ / \\u00E9\\uD83D\\uDE00'),
        (r"""$util.escapeJavaScript("it's").replaceAll("\\'","'")""", "it's"),
        ("""$util.urlEncode('{"some": "value"}')""", "%7B%22some%22%3A+%22value%22%7D"),
        ("$util.urlEncode('a-_.*~é')", "a-_.*%7E%C3%A9"),
        ("$util.urlDecode('a+b%C3%A9%7E')", "a bé~"),
        ("$util.base64Encode('hé') $util.base64Decode('aMOp')", "aMOp hé"),
        ("""$util.parseJson('{"a":[1,{"b":2}]}').a[1].b""", "2"),
        ("[$util.parseJson($none)$util.urlEncode($none)$util.noSuchThing('x')]", "[]"),
    ],
)
def test_util_encodes_decodes_and_parses(template, expected):
    assert render(template) == expected


@pytest.mark.parametrize("call", ["parseJson('{')", "base64Decode('*')", "urlDecode('%zz')", "urlDecode('%2')"])
def test_util_refuses_what_it_cannot_read(call):
    with pytest.raises(RenderError):
        render(f"$util.{call}")


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("$a.b $!a ${a} $!{a.b}|$100 $ $! a@b.c #a #1 # ${'x'}", "   |$100 $ $ a@b.c #a #1 # ${'x'}"),
        ("#set($x = 5)$x ${x}a $x.", "5 5a 5."),
        ("#set($x = 5)\\$x \\\\$x \\\\\\$x \\$y \\#if \\#foo", "$x \\5 \\$x \\$y #if \\#foo"),
        ("#[[ $raw #if ]]#.", " $raw #if ."),
        ("a## comment\nb#* more\n *#c", "abc"),
        ("#if(true)a#end#if(false)b#elseif(1 == 1)c#else d#end", "ac"),
        ("#if(0)0#end#if('a')a#end#if([])[]#end#if($x)x#end#set($z = 0)#if($z)z#end#set($e = '')#if($e)e#end", "ze"),
        ("#if(!$x && (1 < 2 || $y) and not false)yes#end", "yes"),
        ("#if(1 eq 1 and 1 ne 2 and 1 lt 2 and 2 gt 1 and 1 le 1 and 1 ge 1 or false)yes#end", "yes"),
        ("#if('1' == 1)a#end#if('b' > 'a')b#end#if(1 == 1.0)c#end#if({'a':[1]} == {'a':[1]})d#end", "acd"),
        (
            "#foreach($i in [1..3])$i$foreach.index$foreach.count$velocityCount#if($foreach.hasNext),#end#end|$!i",
            "1011,2122,3233|",
        ),
        ("#foreach($i in [3..1])$i#end#foreach($i in $none)x#end#foreach($v in {'a':1,'b':2})$v#end", "32112"),
        ("#foreach($i in [1..9])#if($i == 3)#break#end$i#end.#stop.", "12."),
        ("#foreach($i in [1,2])#foreach($j in [1,2])$foreach.parent.index$foreach.index#end;#end", "0001;1011;"),
        ("#macro(hi $a $b)<$a$!b>#end#hi('x')#hi($none, 'y')#hi( 'x' 'y' )", "<x><y><xy>"),
        ("#macro(box)[$bodyContent]#end#@box()in#end#define($d)$v#end#set($v = 1)$d#set($v = 2)$d", "[in]12"),
        ("#evaluate('#set($e = 3)')$e", "3"),
        (
            "#set($m = {'a': 1, \"b\": [1, 'x', {}]})$m $m.a ${m.b[1]} $m['b'][2] $m.b[-1]",
            "{a=1, b=[1, x, {}]} 1 x {} {}",
        ),
        ("#set($a = 1)#set($s = \"x${a}y$a '$a' #if($a == 1)!#end\")$s #set($t = '$a')$t \"\"", "x1y1 '1' !$a \"\""),
        ("#set($x = 1)#set($x = $none)$x", "1"),
        ("#set($l = [1])#set($l[0] = 2)$l#set($m = {})#set($m['k'] = 3)#set($m.j = 4)$m", "[2]{k=3, j=4}"),
        ("#set($a = 7 / 2 * 2 - -1)$a #set($b = -7 % 3)$b #set($c = 7.0 / 2)$c #set($d = 1 + 2 * 3)$d", "7-13.57"),
        ("#set($a = 'n' + 1 + 2)$a #set($b = 1 / 0)[$!b]#set($c = 'a' - 1)[$!c]", "n12[][]"),
        ("#set($n = 0)$n.parseInt('42') $n.valueOf('7') #set($d = 1.5)$d.intValue() $d.valueOf('2')", "42 71 2.0"),
        ("#set($t = true)$t $t.equals(true) $t.toString().length() 1.0E10", "true true 4 1.0E10"),
    ],
)
def test_a_template_is_written_as_velocity_writes_it(template, expected):
    assert render(template) == expected


def test_directives_take_the_rest_of_their_line_with_them():
    template = "{\n  #set($a = 1)\n#if($a == 1)  \n  one\n#end\n#foreach($i in [1, 2])\n  $i\n#end\n#else_text\n}"
    assert render(template) == "{\n    one\n  1\n  2\n#else_text\n}"


@pytest.mark.parametrize(
    ("template", "what"),
    [
        ("#if(true", "Encountered the end at line 1, column 9"),
        ("a\n#end", 'Encountered "#end" at line 2, column 1'),
        ("#if(true)a#else b#else c#end", 'Encountered "'),
        ("#set($a 1)", 'Encountered "1)"'),
        ("#set(a = 1)", 'Encountered "a = 1)"'),
        ("#foreach($a of [1])#end", 'Encountered "of'),
        ("${a", "Encountered the end"),
        ("#set($a = 'x)", 'Encountered "\'x)"'),
        ("#parse('x')", "#parse has no file to read"),
        ("#set($a = " + "(" * 100 + "1" + ")" * 100 + ")", "Nested too deeply"),
        ("#if(true)" * 100, "Nested too deeply"),
        ("x" * 300_000 + "y" * 8000, "A template of more than 307200 characters"),
    ],
)
def test_what_is_not_a_template_is_refused(template, what):
    with pytest.raises(TemplateError, match=re.escape(what)):
        compile(template)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        (
            "$s.length() $s.isEmpty() $s.empty $s.charAt(1) $s.substring(2) $s.substring(1,3)",
            "5 false false , b,c ,b",
        ),
        (
            "$s.indexOf('b') $s.indexOf('z') $s.lastIndexOf(',') $s.contains('b,') $s.startsWith('a') $s.endsWith('a')",
            "2 -1 3 true true false",
        ),
        (
            "$s.split(',') $s.split(',', 2) $s.split(',').size() $s.replace(',', '.') $s.replaceAll('[abc]', 'x')",
            "[a, b, c] [a, b,c] 3 a.b.c x,x,x",
        ),
        (
            "$s.replaceAll('(\\w),(\\w)', '$2$1') $s.replaceFirst(',', '') $s.matches('a.*') $s.matches('a')",
            "ba,c ab,c true false",
        ),
        (
            "$s.toUpperCase().toLowerCase().concat('!') $s.equals('a,b,c') $s.equalsIgnoreCase('A,B,C')",
            "a,b,c! true true",
        ),
        (
            "#set($t = ' x ')[$t.trim()] $t.valueOf('abc').hashCode() $s.valueOf(5) $s.toCharArray().size()",
            "[x] 96354 5 5",
        ),
        ("#set($e = '😀a')$e.length() $e.substring(2) $e.indexOf('a')", "3 a 2"),
        ("#set($c = 'a,,b,,')$c.split(',') $c.split(',', -1) $c.split('x')", "[a, , b] [a, , b, , ] [a,,b,,]"),
    ],
)
def test_strings_have_the_methods_that_javas_have(template, expected):
    assert render(f"#set($s = 'a,b,c'){template}") == expected


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        (
            "$l.size() $l.get(0) $l[1] $l.isEmpty() $l.contains('b') $l.indexOf('c') $l.containsAll(['a'])",
            "3 a b false true 2 true",
        ),
        ("#set($x = $l.add('d'))#set($x = $l.add(0, 'z'))#set($x = $l.addAll([1, 2]))$l", "[z, a, b, c, d, 1, 2]"),
        (
            "#set($x = $l.set(0, 'y'))$x $l $l.remove(0) $l.remove('c') $l $l.subList(0, 1) $l.clear() $l",
            "a [y, b, c] y true [b] [b]  []",
        ),
        ("#set($i = $l.iterator())#foreach($x in $i)$x#end $i.hasNext() $l.join('-')", "abc false a-b-c"),
        (
            "$m.get('k') $m.k $m.containsKey('k') $m.containsValue(2) $m.size() $m.isEmpty() $m.keySet() $m.values()",
            "1 1 true false 1 false [k] [1]",
        ),
        ("#foreach($e in $m.entrySet())$e.key=$e.value,$e.getKey()=$e.getValue() $e#end", "k=1,k=1 k=1"),
        (
            "$m.put('j', 2)$m $m.getOrDefault('q', 9) $m.putIfAbsent('k', 5) $m.remove('j') $m",
            "{k=1, j=2} 9 1 2 {k=1}",
        ),
        (
            "$m.noSuchMethod() $m.get() $l.get('x') $l.size.x $m.class $l.class.name",
            "     ",
        ),
    ],
)
def test_methods_of_lists_and_maps(template, expected):
    assert render(f"#set($l = ['a', 'b', 'c'])#set($m = {{'k': 1}}){template}") == expected


@pytest.mark.parametrize(
    "call",
    ["$l.get(9)", "$l[9]", "$s.substring(9)", "$n.parseInt('x')", "$s.replaceAll('(', '')", "$s.replaceAll('a', '$7')"],
)
def test_what_throws_in_java_ends_the_rendering(call):
    with pytest.raises(RenderError):
        render(f"#set($l = [])#set($s = 'abc')#set($n = 1){call}")
