"""The words of artist lines, in the languages of museums' lists."""

from __future__ import annotations

import re
from typing import Final, Literal

AttributionKind = Literal[
    "by", "attributed", "workshop", "circle", "follower", "manner", "after", "unknown"
]
"""Nearest to the artist first, as in `artsim.catalog.payload.ATTRIBUTIONS`."""

_QUOTE: Final = "['\u2019\u02bc]"
_OF: Final = (
    rf"(?:de la|de los|de l{_QUOTE}|des|de|du|d{_QUOTE}|della|dello|dell{_QUOTE}|del|di|dei|"
    rf"do|da|von der|von|des|der|van den|van de|van|af|av)"
)
"""*Of* in French, Italian, Spanish, Portuguese, German, Dutch and the Nordic languages."""

_AFTER_WORDS: Final = (
    rf"after|d{_QUOTE}apres|nach(?: (?:einem |de[mr] )?(?:vorbild|original|stich|werk|entwurf) "
    r"(?:von|des|der))?|naar|segun(?: modelo)?(?: de)?|efter|dopo"
)
_SORTS: Final = (
    "modern |early |later |anonymous |old |prints? |engravings? |etchings? |drawings? |designs? |"
    "designed |engraved |etched |painted |printed |lithographs? |copyist |copy |copies |replica |"
    "cast |photographs? |kopie |kopi |kopia |copie |copia |copiste |"
)

PREFIXES: Final[tuple[tuple[AttributionKind, str], ...]] = (
    (
        "workshop",
        r"workshop(?: of)?|studio of|studio assistants? of|atelier of|shop of|"
        r"assistants? (?:of|to)|"
        rf"pupils? of|students? of|l?.?atelier {_OF}|bottega {_OF}|officina {_OF}|"
        rf"werkstatt(?: {_OF})?|werkplaats {_OF}|taller {_OF}|copia de taller(?: {_OF})?|"
        rf"oficina {_OF}|eleves? {_OF}|allievo {_OF}|(?:mitarbeiter|gehilfen?) {_OF}|"
        rf"aiuto {_OF}|(?:schuler|leerling) {_OF}|schuler(?= [\w-]+s$)|"
        rf"(?:va?e?rksted|verkstad) {_OF}|colaborador(?:es)? {_OF}",
    ),
    (
        "circle",
        rf"(?:close )?circle of|associates? of|entourage {_OF}|cercle {_OF}|"
        rf"(?:umkreis|kreis|umfeld)(?: {_OF})?|cerchia {_OF}|ambito {_OF}|ambiente {_OF}|"
        rf"(?:omgeving|kring) {_OF}|circulo {_OF}|"
        rf"(?:kreds|krets|omkreds)(?:en)? (?:om|kring|{_OF})",
    ),
    (
        "manner",
        rf"(?:in the )?(?:manner|style) of|imitators? of|(?:alla )?maniera {_OF}|"
        rf"(?:a la |dans la )?maniere {_OF}|(?:dans le )?(?:gout|genre|style) {_OF}|stile {_OF}|"
        rf"(?:in der )?(?:art|manier|stil) {_OF}|(?:stijl|trant|manier) {_OF}|estilo {_OF}|"
        rf"(?:a la )?manera {_OF}|imitat(?:ore|eur) {_OF}|imitador {_OF}|"
        rf"imita(?:cion|tion|zione) {_OF}|pastiche {_OF}|"
        rf"nachahmer(?: {_OF})?|(?:navolger|trant) in de stijl {_OF}",
    ),
    (
        "after",
        rf"(?:{_SORTS})*(?:{_AFTER_WORDS})"
        r"(?: (?:an? |the )?(?:designs?|drawings?|paintings?|prints?|engravings?|originals?)"
        r" (?:by|of))?|"
        rf"cop(?:y|ies) (?:of|from)|copied from|"
        rf"cop(?:ie|ia|ista|iste) (?:da|{_OF})|obra copiada (?:de|del)|kopie (?:von|van)|"
        rf"reproduction {_OF}",
    ),
    (
        "attributed",
        r"(?:here |doubtfully |tentatively |(?:design|designs|painted|drawn) )?attributed to|"
        r"attr\.?(?: to)?|ascribed to|attribuee?(?: aux?| a la| a)?|"
        r"attribuito(?: a[ld]?)?|"
        r"zugeschrieben(?: an)?|zugeschr\.?|zuschreibung(?: an)?|toegeschreven(?: aan)?|"
        r"atribuid[oa](?: a(?:l| la)?)?|atrib\.?(?: a)?|"
        r"tilskrevet|tilskrives|tillskriven|tillskrivs",
    ),
    (
        "follower",
        rf"(?:close )?followers? of|school of|ecole {_OF}|scuola {_OF}|escola {_OF}|"
        rf"schule(?: {_OF})?|school van|escuela {_OF}|(?:nachfolgers?|nachfolge)(?: {_OF})?|"
        rf"(?:suiveurs?|disciple) {_OF}|seguaci? {_OF}|seguace|navolgers? {_OF}|navolger|"
        rf"seguidor {_OF}|seguidor|discipulo {_OF}|(?:skole|skola) {_OF}|"
        rf"(?:efterfolger|efterfoljare)(?: (?:til|till|{_OF}))?",
    ),
)
"""Terms before a name by kind, folded; whichever fits goes before those below it."""

PREFIX: Final = re.compile(
    r"(?:(?:by |from |the |an? )*)(?:"
    + "|".join(f"(?P<{kind}>{forms})" for kind, forms in PREFIXES)
    + rf")(?:[ :]+|(?<={_QUOTE})|$)"
)
GENITIVE: Final = re.compile(
    r"(?:werkstatt|umkreis|kreis|nachfolgers?|nachfolge|nachahmer|schule|schuler|va?e?rksted|verkstad)"
    r" (?!von |des |der |van |af |av )"
)
"""Terms that the name follows in the genitive: ``Umkreis Rembrandts``."""

BEHIND_GENITIVE: Final = re.compile(
    r"(?P<name>.+?)(?:s|'s|\u2019s|'|\u2019) (?P<term>werkstatt|umkreis|kreis|nachfolger|nachfolge|"
    r"nachahmer|schule|schuler|va?e?rksted|verkstad|skole|skola|kreds|krets|efterfolger|"
    r"efterfoljare)"
)
"""``Rembrandts Werkstatt``. English names firms so: ``Zumbro's Studio``."""

ENDS_IN_S: Final = re.compile(
    "(?:hals|rubens|massys|metsys|matsys|cornelis|lucas|frans|hans|claes|thomas|jacobus|snyders|"
    "teniers|jordaens|claus|ambrosius|johannes|nicolas|mathias|matthias|andreas|tobias|paulus|"
    "degas|watts|davis|lens|elias|sanders|adams|stubbs|heins|maes|goes|floris|pourbus|francois|"
    "louis|charles|jules|georges|james|jacques|agnes|.*(?:ss|us|is))"
)
"""Names whose last s is their own."""

TERM_BEHIND: Final = re.compile(
    r"(?P<name>.+?)[ -](?P<term>werkstatt|umkreis|nachfolger|nachfolge|nachahmer|schule|"
    rf"ecole(?: {_OF})?)"
)
"""Terms that follow a name without a comma: ``Rembrandt Umkreis``, ``BRIL école des``."""

ALSO_NAMES: Final = frozenset({"art", "stil", "stile", "style", "genre", "manier"})
"""What is a term before a name only: ``Green, Art`` is Art Green."""

DOUBT: Final = re.compile(
    r"(?:(?:possibly|probably|perhaps|presumably|likely|maybe|wohl|vermutlich|vielleicht|"
    r"peut-etre|probablement|forse|probabilmente|posiblemente|probablemente|mogelijk|"
    r"waarschijnlijk|muligvis)(?:,? (?:by|von|par|di|de|door))? +|\?\s*(?=\w))"
)
DOUBTED_BEHIND: Final = re.compile(
    r"(.+?),? [(\[]?(?:zugeschrieben|zugeschr\.|toegeschreven|attribue|attribuito|atribuido)[)\]]?"
)
DISOWNED: Final = re.compile(
    r"(?:formerly|previously|once|traditionally|fruher|ehemals|anciennement|gia) "
    r"(?:attributed|ascribed|zugeschrieben|attribue|attribuito) "
)
REJECTED: Final = re.compile(
    r".*[(\[,;] ?(?:rejected attribution|attribution rejected|verworpen toeschrijving|"
    r"abgeschrieben|ancienne attribution|attribution rejetee|fake|forgery|falschung)[)\]]?|"
    r".*[(\[](?:formerly|previously|once|fruher|ehemals|anciennement|gia) "
    r"(?:attributed|ascribed|zugeschrieben|attribue|attribuito)(?: to| a)?[)\]]"
)

_HELPER_NOUNS: Final = (
    "workshop(?: members?)?|studio(?: assistants?)?|assistants?|pupils?|students?|atelier|"
    "werkstatt|bottega|shop|helfer|gehilfen?|mitarbeiter|collaborators?|taller|colaborador(?:es)?|"
    "ayudantes?|aiuti|aiuto|allievi|eleves?|leerling(?:en)?|werkplaats|va?e?rksted|verkstad"
)
_HELPERS: Final = rf"(?:(?:his|her|their|the|an?|son|su|seiner?|zijn|sua) )?(?:{_HELPER_NOUNS})"
_JOINED: Final = r"and|with|&|\+|und|et|ed|e|y|en|mit|avec|con|met|og|och"
WITH_HELP: Final = re.compile(
    rf"(.+?),? [(\[]?(?:{_JOINED}) (?:{_HELPERS})(?: ?[(\[]?\?[)\]]?)?[)\]]?"
)
HELP_ALONE: Final = re.compile(rf"(?:(?:{_JOINED}) )?(?:{_HELPERS})(?: workshop members?)?")
PERHAPS_HELP: Final = re.compile(rf"(.+?),? (?:or|oder|ou|of|o) (?:{_HELPERS})")
ALTERNATIVE: Final = re.compile(r"(.+?),? (or|oder|ou) (.+)")
MONONYMS: Final = re.compile(
    "rembrandt|titian|raphael|giorgione|michelangelo|leonardo|donatello|giotto|cimabue|caravaggio|"
    "tintoretto|veronese|botticelli|perugino|parmigianino|pontormo|bronzino|correggio|canaletto|"
    "guercino|domenichino|masaccio|masolino|pisanello|tizian|tiziano|raffael|raffaello|hokusai|"
    "hiroshige|utamaro|rubens|vermeer|bosch|bruegel|holbein|durer|velazquez|murillo|zurbaran|"
    "greco|watteau|boucher|manet|monet|goya|titien"
)
"""Artists known by one name; of ``Leonard or Nardon Pénicaud`` both have one surname."""
SURNAMES_OF_MONONYMS: Final = frozenset({"peale"})
"""Rembrandt, Titian, Raphaelle and Rubens Peale were brothers."""

COPYIST: Final = re.compile(
    rf"(.+?)[,;]? \(?((?:copy |kopie |copie )?(?:after|d{_QUOTE}apres|nach|naar|efter)) ([^()]+)\)?"
)
_MADE: Final = "designed|made|engraved|etched|painted|printed|drawn|executed|decorated|modeled"
BY: Final = re.compile(rf"(?:(?:{_MADE})(?:,? and |, | ))*by (?=\w)", re.IGNORECASE)

TRAILING: Final = re.compile(r"(.+?)(?:, ?| ?[(\[])([^()\[\],]+?)[)\]]?")
LIFE: Final = re.compile(r"(.+?)\s*[(\[][^()\[\]]*\d{3,4}[^()\[\]]*[)\]]")

_ROLES: Final = (
    "artist|maker|painter|author|creator|engraver|etcher|printmaker|lithographer|draftsman|"
    "draughtsman|designer|sculptor|miniaturist|illuminator|calligrapher|photographer|publisher|"
    "printer|architect|silversmith|manufacturer|kunstler|maler|zeichner|stecher|peintre|"
    "dessinateur|graveur|pittore|pintor|schilder|prentmaker|tekenaar|kunstenaar"
)
ROLE_BEFORE: Final = re.compile(rf"(?:{_ROLES})(?:/(?:{_ROLES}))?(?:\(s\)|s)?\s*:\s*(?=\S)")
ROLE_BEHIND: Final = re.compile(rf"(.*\S)(?P<life>\s*[(\[][^()\[\]]*[)\]]), ?(?:{_ROLES})")

NOBODY: Final = re.compile(
    r"(?:an? |by |the )?(?:unknown|unidentified|anonymous|anon\.?|anonym(?:e|us|er)?|anonimo|"
    r"anoniem(?:e)?|unbekannt(?:er|e)?|inconnue?|ignoto|sconosciuto|onbekend(?:e)?|desconocid[oa]|"
    r"desconhecid[oa]|ukendt|ubekendt|ukjent|okand|tuntematon|nieznany|neznamy|ismeretlen|"
    r"неизвестн\w*|作者不詳|作者不明|佚名|"
    r"not (?:known|recorded|identified|provided|stated|available)|"
    r"(?:artist|maker|author|painter)(?:\(s\)|s)?(?:/maker)? (?:is |are )?"
    r"(?:unknown|not known|unidentified|unrecorded|not recorded|anonymous)|"
    r"no (?:artist|maker|attribution)|"
    r"(?:kunstler|maler|meister|autor) unbekannt|(?:artiste|auteur|maitre|peintre) "
    r"(?:inconnue?|anonyme)|(?:autore|maestro|pittore) (?:ignoto|anonimo|sconosciuto)|"
    r"(?:autor|pintor|artista|maestro) (?:desconocido|anonimo|desconhecido|ignoto)|"
    r"(?:kunstenaar|maker|schilder) onbekend|various(?: artists)?)(?!\w).*"
    r"|n/?\.?a\.?|none|null|nan|\[blank\]|.*\bneznamy autor|s\. ?n\."
)
PERIOD: Final = re.compile(
    r".*\b(?:\d{1,2}(?:st|nd|rd|th|e|de)?(?:[-/\u2013 ]\d{1,2}(?:st|nd|rd|th|e|de)?)?[-. ]+"
    r"(?:century|centuries|c\.|jahrhunderts?|jh\.?|eeuw)|"
    r"[ivx]+e? (?:siecle|secolo|siglo)|(?:siglo|sec\.|secolo) [ivx]+).*"
)
_PLACES: Final = (
    "afghan|african|algerian|american|anglo-dutch|antwerp|arab|armenian|assyrian|australian|"
    "austrian|aztec|babylonian|barbizon|belgian|bohemian|bolognese|brazilian|british|bruges|"
    "brussels|bulgarian|burmese|byzantine|cambodian|canadian|catalan|celtic|chilean|chinese|"
    "cologne|colombian|coptic|cremonese|cretan|croatian|cuban|cuzco|cypriot|czech|danish|danube|"
    "dutch|early netherlandish|ecuadorian|egyptian|emilian|english|estonian|ethiopian|etruscan|"
    "european|ferrarese|finnish|flemish|florentine|fontainebleau|franco-flemish|french|genoese|"
    "georgian|german|ghent|gothic|graeco-roman|greek|guatemalan|haarlem|hague|hellenistic|"
    "hudson river|hungarian|icelandic|inca|indian|indonesian|indo-persian|iranian|iraqi|irish|"
    "islamic|israeli|italian|italo-byzantine|japanese|javanese|jewish|khmer|korean|latvian|leiden|"
    "leyden|lithuanian|lombard|london|luxor|madrid|mayan|mexican|milan|milanese|minoan|moche|"
    "moroccan|mughal|mycenaean|naples|nazca|neapolitan|nepalese|netherlandish|netherlands|new york|"
    "nigerian|norwegian|norwich|novgorod|olmec|ottoman|paduan|paris|parma|persian|peruvian|"
    "phoenician|pisan|polish|portuguese|prague|pre-columbian|rajasthani|rimini|roman|romanian|"
    "rome|russian|safavid|sasanian|scandinavian|scottish|scythian|serbian|siamese|sicilian|siena|"
    "sienese|slovak|spanish|sri lankan|st ives|sumerian|swabian|swedish|swiss|syrian|thai|thebes|"
    "tibetan|tunisian|turkish|tuscan|tyrolean|ukrainian|umbrian|rhenish|utrecht|valencian|"
    "venetian|venezuelan|venice|vietnamese|welsh|westphalian|bologna|ferrara|florence|genoa|"
    "seville|delft|barcelona|cordoba|isfahan|posillipo|pont-aven|altamura|ferrare|venise|sienne|"
    "napoli|venezia|firenze|roma|"
    "afghanistan|algeria|armenia|austria|belgium|burma|cambodia|china|egypt|england|ethiopia|"
    "flanders|france|germany|greece|guatemala|hungary|india|indonesia|iran|iraq|ireland|italy|"
    "japan|korea|mexico|morocco|myanmar|nepal|nigeria|norway|pakistan|persia|peru|poland|portugal|"
    "romania|russia|scotland|spain|sweden|switzerland|syria|thailand|tibet|turkey|united states|"
    "vietnam|allemagne|angleterre|autriche|belgique|chine|espagne|flandres?|inde|italie|japon|"
    "pays-bas|perse|russie|suisse|"
    "francaise?|italienne?|flamande?|hollandaise?|allemande?|espagnole?|anglaise?|venitienne?|"
    "florentin|parisien(?:ne)?|lyonnais|bourguignon|siennoise?|bolonaise?|neerlandaise?|russe|"
    "(?:deutsch|niederlandisch|hollandisch|flamisch|italienisch|franzosisch|spanisch|englisch|"
    "venezianisch|florentinisch|sienesisch|romisch|suddeutsch|norddeutsch|oberdeutsch|"
    "osterreichisch|schweizerisch|oberrheinisch|mittelrheinisch|niederrheinisch|schwabisch|"
    "frankisch|bohmisch|russisch|byzantinisch|griechisch|polnisch)(?:e[rs]?)?|"
    "nederlands|zuid-nederlands|noord-nederlands|zuidnederlands|noordnederlands|hollands|vlaams|"
    "duits|italiaans|spaans"
)
_BESIDE_A_PLACE: Final = (
    "north|south|east|west|central|northern|southern|eastern|western|upper|lower|early|modern|old|"
    "ancient|probably|possibly|perhaps|wohl|the|la|or|and|now|school|schools|schule|skole|painter|"
    "artist|master|maker|workshop|meister|maler|kunstler|ecole|peintre|artiste|maitre|veronese|"
    "um|ca|c|circa|atelier|anonyme"
)
_PLACE: Final = re.compile(rf"(?<![\w-])(?:(?P<place>{_PLACES})|{_BESIDE_A_PLACE})(?![\w-])")


def names_a_place(folded: str) -> bool:
    """Say whether a folded line has only words of nations, cities and schools: nobody is named."""
    places = [match["place"] for match in _PLACE.finditer(folded)]
    return any(places) and not any(c.isalpha() for c in _PLACE.sub(" ", folded))


_ITS_TIME: Final = r"(?:,.*| (?:del|du|de la|des|di|um|ca\.?|siglo|sec\.?|ca|\d).*)?"
SCHOOL_OF_A_PLACE: Final = re.compile(
    r"veronese (?:school|painter|artist|master)\b.*|"
    r"[\w-]+er (?:meister|schule)(?:,? (?:um|von|des|der|aus) .*)?|"
    r"[\w-]+ische?r? (?:schule|meister|maler|kunstler)\b.*|"
    r"[\w-]+se school(?:,? \d{3,4})?|"
    r"(?:ambito|scuola|bottega|pittore|cerchia|manifattura) "
    rf"[\w-]+(?:es[ei]|in[oa]|an[oa]|et[oa]|ard[oa]|ingh?[oa]){_ITS_TIME}|"
    r"ecole (?:du |de l. ?)?[\w-]+(?:aise|oise|ienne|aine|ande|ole|ine|nord|sud)"
    rf"{_ITS_TIME}|(?:escuela|pintor) [\w-]+(?:en[oa]|es[oa]|an[oa]|ol[oa]?|in[oa]|enc[oa])"
    rf"{_ITS_TIME}|(?:maestro|artista|taller|pintor|escuela) "
    r"(?:fiorentino|veneziano|veneto|lombardo|toscano|senese|emiliano|bolognese|napoletano|umbro|frances|aragones|holandes|ingles|"
    rf"espanol|castellano|catalan|flamenco|italiano){_ITS_TIME}"
)
"""``Scuola veneta``, ``Nürnberger Meister um 1480``: somebody of a place, folded."""
