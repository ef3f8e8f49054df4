from concurrent.futures import ThreadPoolExecutor
from random import Random
from string import ascii_lowercase
from sys import getswitchinterval, setswitchinterval
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.text import (
    _stems,
    bigrams,
    dates,
    digits,
    language,
    numbers,
    sentences,
    terms,
    topic,
    visible,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Trading partners traded.", ["trade", "partner", "trade"]),
        ("China’s café", ["china", "cafe"]),
        ("$8.4 billion", ["8.4", "billion"]),
        ("Страны, страна, стран", ["стран", "стран", "стран"]),
        ("中国贸易额", ["中国", "国贸", "贸易", "易额"]),
        ("", []),
    ],
)
def test_terms(text: str, expected: list[str]) -> None:
    assert terms(text) == expected


def test_a_question_is_about_its_words_that_carry_a_topic() -> None:
    assert topic("What is the GDP of Belarus, and what was the GDP?") == ["gdp", "belarus"]
    assert topic("What is this?") == []


def test_neighbours_of_which_one_carries_a_topic_are_pairs() -> None:
    assert bigrams("Where did they move from?") == ["they move", "move from"]
    assert bigrams("Trade, trade and trade") == ["trade trade", "trade and", "and trade"]
    assert bigrams("What is this?") == bigrams("Trade?") == []


def test_numbers_ignore_separators_of_thousands() -> None:
    assert digits("1,200 of 1200 and 8.4 in 2024") == {"1200", "8.4", "2024"}


def test_invisible_characters_do_not_hide_a_word() -> None:
    assert terms("Bel\u200barus \U000e0041\u202eMinsk") == terms("Belarus Minsk")
    assert visible("a\u202eb") == "ab"


@given(st.text())
def test_case_and_space_do_not_matter(text: str) -> None:
    assert terms(text) == terms(f"  {text}\n")
    ascii_only = text.encode("ascii", "ignore").decode()
    assert terms(ascii_only.upper()) == terms(ascii_only.lower())


def quantities(text: str) -> list[tuple[str, str, str]]:
    return [(each.bound, str(each.value), each.unit) for each in numbers(text)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1.50", "1.5"),
        ("five employees", "5 employees"),
        ("8.4 billion euros", "€8,400,000,000"),
        ("8.4bn", "8400000000"),
        ("two million people", "2,000,000 people"),
        ("half a million", "500 thousand"),
        ("two hundred and fifty", "250"),
        ("a hundred and five", "105"),
        ("fourteen", "14"),
        ("one and a half years", "1.5 years"),
        ("US$ 5m", "5 million dollars"),
        ("10 per cent", "10%"),
        ("10 000 €", "10,000 euros"),
        ("1.200,50 €", "EUR 1,200.50"),
        ("less than 5 bar", "< 5 bar"),
        ("no more than 5 bar", "≤ 5 bar"),
        ("5 bar or more", "at least 5 bar"),
        ("minus 5 °C", "-5 degrees"),
        ("5 to 7 million euros", "€5 million - €7 million"),
        ("5 pm", "17:00"),
        ("a 5-year contract", "five years"),
    ],
)
def test_the_same_number_is_the_same_however_it_is_written(one: str, other: str) -> None:
    assert quantities(one) == quantities(other) != []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("< 5 bar", "> 5 bar"),
        ("5 million", "-5 million"),
        ("$5", "€5"),
        ("5 km", "5 kg"),
        ("5%", "5"),
        ("5%", "5 percentage points"),
        ("five", "six"),
        ("€5m", "5 m"),
        ("5th", "5"),
    ],
)
def test_another_sign_or_unit_makes_another_number(one: str, other: str) -> None:
    assert quantities(one) != quantities(other)
    assert quantities(one) and quantities(other)


def test_a_number_says_where_it_stands() -> None:
    text = "It must be at most 5 bar, or -3.5 °C."
    assert [text[each.start : each.end] for each in numbers(text)] == ["at most 5 bar", "-3.5 °C"]


@pytest.mark.parametrize(
    "text",
    ["No one of them", "clause 4.2.1", "room B2", "in 2023", "on 12 March 2023", "one can, some"],
)
def test_what_counts_nothing_is_no_number(text: str) -> None:
    assert numbers(text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("In March, and on 12 March 2023", [(None, 3, None), (2023, 3, 12)]),
        ("2023-03-12, 12/03/2023, 9/15/2023", [(2023, 3, 12), (2023, 3, 12), (2023, 9, 15)]),
        ("March 2024; Sept. 15, 2023", [(2024, 3, None), (2023, 9, 15)]),
        ("the 15th of September", [(None, 9, 15)]),
        ("born July 5 , 1999 , or May , 2001", [(1999, 7, 5), (2001, 5, None)]),
        (
            "the 2023 price, 2019-2023",
            [(2023, None, None), (2019, None, None), (2023, None, None)],
        ),
        ("They may march on; 2000 euros, 1200 employees, the 1990s, $2023", []),
    ],
)
def test_dates_are_read(text: str, expected: list[tuple[int | None, ...]]) -> None:
    assert [each[:3] for each in dates(text)] == expected


@given(st.text())
def test_numbers_and_dates_lie_in_the_text_and_apart(text: str) -> None:
    spans = [(each.start, each.end) for each in numbers(text)]
    spans += [(each.start, each.end) for each in dates(text)]
    assert all(0 <= start < end <= len(text) for start, end in spans)


@pytest.mark.parametrize("piece", ["9,", "one ", "twenty ", "1 000 ", "up to ", "May ", "half a "])
def test_a_long_text_takes_linear_time(piece: str) -> None:
    started = process_time()
    numbers(piece * 20_000)
    assert process_time() - started < 5


FOREIGN = {
    "sv": [
        "Hur stor är hyran för lägenheten?",
        "När börjar avtalet att gälla?",
        "Vem undertecknade avtalet mellan parterna?",
        "Hyresgästen ska betala hyran den första dagen i varje månad.",
        "Företaget ökade sin omsättning med fem procent under förra året.",
    ],
    "da": [
        "Hvor høj er huslejen for lejligheden?",
        "Hvornår træder aftalen i kraft?",
        "Hvem underskrev aftalen mellem parterne?",
        "Lejeren skal betale huslejen den første dag i hver måned.",
        "Virksomheden øgede sin omsætning med fem procent sidste år.",
    ],
    "tr": [
        "Sözleşme ne zaman yürürlüğe giriyor?",
        "Taraflar arasındaki anlaşmayı kim imzaladı?",
        "Kiracı kirayı her ayın ilk günü ödemek zorundadır.",
        "Şirket geçen yıl cirosunu yüzde beş artırdı.",
        "Ofis nerede bulunuyor?",
    ],
    "cs": [
        "Jak vysoké je nájemné za byt?",
        "Kdy smlouva vstoupí v platnost?",
        "Kdo podepsal dohodu mezi stranami?",
        "Nájemce musí platit nájemné první den každého měsíce.",
        "Společnost v loňském roce zvýšila obrat o pět procent.",
        "Kde se nachází kancelář?",
    ],
    "ro": [
        "Cât de mare este chiria pentru apartament?",
        "Când intră în vigoare contractul?",
        "Cine a semnat acordul dintre părți?",
        "Chiriașul trebuie să plătească chiria în prima zi a fiecărei luni.",
        "Compania și-a mărit cifra de afaceri cu cinci la sută anul trecut.",
        "Unde se află biroul?",
    ],
    "vi": [
        "Tiền thuê căn hộ là bao nhiêu?",
        "Khi nào hợp đồng có hiệu lực?",
        "Ai đã ký thỏa thuận giữa các bên?",
        "Người thuê phải trả tiền thuê vào ngày đầu tiên của mỗi tháng.",
        "Công ty đã tăng doanh thu năm phần trăm trong năm ngoái.",
        "Văn phòng nằm ở đâu?",
    ],
    "hu": [
        "Mennyi a lakás bérleti díja?",
        "Mikor lép hatályba a szerződés?",
        "Ki írta alá a felek közötti megállapodást?",
        "A bérlő köteles minden hónap első napján megfizetni a bérleti díjat.",
        "A vállalat tavaly öt százalékkal növelte árbevételét.",
        "Hol található az iroda?",
    ],
    "fi": [
        "Kuinka suuri on asunnon vuokra?",
        "Milloin sopimus tulee voimaan?",
        "Kuka allekirjoitti osapuolten välisen sopimuksen?",
        "Vuokralaisen on maksettava vuokra kunkin kuukauden ensimmäisenä päivänä.",
        "Yritys kasvatti viime vuonna liikevaihtoaan viisi prosenttia.",
        "Missä toimisto sijaitsee?",
    ],
    "id": [
        "Berapa harga sewa apartemen itu?",
        "Kapan perjanjian mulai berlaku?",
        "Siapa yang menandatangani perjanjian antara para pihak?",
        "Penyewa harus membayar sewa pada hari pertama setiap bulan.",
        "Perusahaan meningkatkan omzetnya sebesar lima persen tahun lalu.",
        "Di mana letak kantornya?",
    ],
    "de": ["Wann wurde der Vertrag von den Ländern unterzeichnet?", "Wo liegt das Büro?"],
    "fr": ["Quel est le montant du commerce pour la Chine?", "Où se trouve le bureau ?"],
    "es": ["¿Cuál fue el valor del comercio entre los países?", "¿Dónde está la oficina?"],
    "ru": ["Сколько городов входит в этот район?"],
    "zh": ["中国和白俄罗斯同意合作。"],
    "und": ["有多少城市？"],
}


@pytest.mark.parametrize(
    ("code", "text"), [(code, text) for code, texts in FOREIGN.items() for text in texts]
)
def test_other_languages_are_told_from_english(code: str, text: str) -> None:
    related = {"da": "da no", "id": "id ms", "cs": "cs sk"}
    assert language(text) in related.get(code, code).split()


@pytest.mark.parametrize(
    "text",
    [
        "How much was the trade between the two countries?",
        "$8.4 billion, 32 years",
        "Who is Roman Golovchenko?",
        "",
        "rent?",
        "trade figure?",
        "who met li qiang",
        "Li Qiang",
        "Alexander Lukashenko Zhongnanhai",
        "Xi Jinping and Lukashenko",
        "notice period",
        "deposit?",
        "Greater Bay Area",
        "China Belarus trade 2023",
        "who signed",
        "price of model x-200",
        "MoU?",
        "NDA term",
        "email of maria gonzalez",
        "What is Rindfleischetikettierungsüberwachung?",
        "who is Jean-Luc de la Fontaine",
        "Where is São Paulo?",
        "Who wrote Le Petit Prince?",
        "Nguyen Van An salary",
        "tl;dr",
        "list all cities",
        "guangzhou shenzhen zhuhai",
        "population Hong Kong Macao",
        "syncthing ports",
        "gazpacho recipe",
        "how long boil pasta al dente?",
        "is Ümit Özdemir employed?",
        "total revenue EUR 2,000",
        "who owes whom",
        "when due",
        "kitchen sink leak",
        "Tschebyschow polynomial",
        "pho bo ingredients",
        "can i sublet",
        "pets ok?",
        "Istanbul office address",
        "Bundesliga winners 2019",
        "Angela Merkel vs Olaf Scholz",
        "what's GDPR",
        "SLA uptime %",
        "Lukashenko",
        "Szijjarto Peter",
        "Marco Rossi invoice",
        "COP28 Dubai",
        "what does lorem ipsum mean",
    ],
)
def test_english_stays_english_also_when_short_sloppy_or_full_of_names(text: str) -> None:
    assert language(text) == "en"


@given(st.text())
def test_any_text_has_a_language(text: str) -> None:
    assert language(text)
    assert language("hello") == "en"


@given(st.text())
def test_sentences_hold_all_that_can_be_seen(text: str) -> None:
    spans = sentences(text)
    assert all(text[span.start : span.end].strip() for span in spans)
    assert "".join("".join(text[s.start : s.end].split()) for s in spans) == "".join(text.split())


def test_sentences_are_cut_by_the_rules_of_their_language() -> None:
    text = "Der Mieter zahlt am 3. Mai die Miete der Wohnung. Danach ist sie zu spät."
    assert [text[start:end] for start, end in sentences(text)] == [
        "Der Mieter zahlt am 3. Mai die Miete der Wohnung.",
        "Danach ist sie zu spät.",
    ]


def test_texts_are_analysed_alike_by_several_threads() -> None:
    """A stemmer keeps the word it works on: shared, it gave wrong stems or an IndexError."""
    random = Random(1)
    words = ["".join(random.choices(ascii_lowercase, k=9)) + "ations" for _ in range(4_000)]
    text = "Der Mieter zahlt. Il locatario paga l'affitto. The tenant pays the rent."
    expected = terms(" ".join(words)), language(text), sentences(text)

    def analyse(_: int) -> object:
        _stems.cache_clear()
        return terms(" ".join(words)), language(text), sentences(text)

    interval = getswitchinterval()
    setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(analyse, range(8))) == [expected] * 8
    finally:
        setswitchinterval(interval)
