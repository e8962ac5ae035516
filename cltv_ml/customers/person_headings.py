"""Headings of columns that identify a person, an address or a device, in many languages."""

from __future__ import annotations

import re

from cltv_ml.columns.headings import plain_heading, plain_pattern, plain_text, split_case

#: Whose name, number or address it is, or which of several.
_WHOSE = (
    "customers?|cust|address|clients?|users?|contact|members?|shopper|buyer|guest|account|acct|holder|"
    "person(al)?|private?|business|work|home|office|company|bill(ing)?(to)?|ship(ping)?(to)?|sold ?to|"
    "delivery|default|mailing|primary|secondary|main|other|alternat(e|ive)|emergency|first|last|full|middle|"
    "given|family|maiden|birth|sur|nick|screen|login|display|legal|trading|preferred|parent|spouse|partner|"
    "owner|proprietor|director|guardian|child|doctor|frst|lst|cntct|cont|email|"
    "kunden?|kontakt|firmen|privat|geschafts|rechnungs|liefer|haupt|klanten?|klient|asiakkaan|kund(ens)?|"
    "musteri|顧客|お客様|会員|고객|회원|客户|客戶|会员|联系人?|клиент|контакт"
)
#: The same behind it, as in "nom du client".
_OF_WHOM = (
    "((du|de|del|do|della?|des|van|en|klienta|cliente|clients?|kunden?|customer|пользователя|клиента)+)?"
)

#: Whole headings of names.
_WHOLE_NAMES = (
    "names?|nm|fname|lname|surname|forename|vorname|nachname|zuname|familienname|rufname|geburtsname|nom|"
    "prenoms?|nomdefamille|nometprenom|nomprenom|nomcomplet|nombres?|nombrecompleto|nombreyapellidos|"
    "apellidos?|(primer|segundo)apellido|nome|nomecompleto|sobrenome|apelido|cognome|nomeecognome|nominativo|"
    "naam|voornaam|achternaam|tussenvoegsel|imie|nazwisko|imieinazwisko|jmeno|prijmeni|krestnijmeno|meno|"
    "priezvisko|namn|fornamn|efternamn|navn|fornavn|etternavn|efternavn|nimi|etunimi|sukunimi|nev|keresztnev|"
    "vezeteknev|csaladnev|utonev|nume|prenume|ime|prezime|adi|soyadi?|adsoyad|adisoyadi|isim|氏名|名前|"
    "お名前|姓|名|せい|めい|フリガナ|ふりがな|氏名カナ|カナ氏名|姓カナ|名カナ|姓名|名字|이름|성명|성|名称|"
    "имя|фамилия|отчество|фио|имяфамилия|фамилияимя|полноеимя|прізвище|імя|ім'я|ονομα|επωνυμο|ονοματεπωνυμο|"
    "الاسم|اسم|اسمالعائلة|الاسمالكامل|الاسمالأول|اللقب|שם|שםפרטי|שםמשפחה|שםמלא|hoten|hovaten|ten|nama|"
    "namalengkap|namadepan|namabelakang|ชื่อ|นามสกุล|ชื่อนามสกุล|नाम|sortl|mcod|initials|login|username|"
    "nickname|company|firma|raisonsociale|razonsocial|ragionesociale|razaosocial|bedrijfsnaam|会社名|企業名|"
    "法人名|회사명|公司|公司名称|компания|организация|contactperson|person|ansprechpartner|interlocuteur|"
    "contactpersoon|(contact|cntct|cont)pers|nextofkin|emergencycontact|geschaftsfuhrer|inhaber|proprietor|"
    "erziehungsberechtigter?|(vor|ruf)(namen?)?und(zu|nach|familien)namen?"
)

#: Whole headings of numbers, addresses and accounts, with or without a word for number.
_NUMBER_HEADINGS = (
    # mail and phone
    "e?mail(adress?e?)?|e?mail(id|hash|hashed|sha256|md5|domain)|correo|correoelectronico|courriel|"
    "epost(adress)?e?|sahkoposti(osoite)?|eposta(adresi)?|adresemail|surel|hopthu|thudientu|이메일(주소)?|"
    "메일|邮箱|电子邮箱|电子邮件|電子郵件|почта|электроннаяпочта|элпочта|ηλεκτρονικοταχυδρομειο|"
    "ηλταχυδρομειο|البريدالإلكتروني|البريدالالكتروني|بريدإلكتروني|אימייל|דואראלקטרוני|دואל|อีเมล|ईमेल|tel|"
    "telp|tel(portable|mobile|fixe|domicile|bureau|movil|fijo|casa|celular|cellulare)|"
    "nomor(hp|telp|telepon)|hp|telf|telf?x|fax|mobile?|mob|mobiel|movil|celular|cell|cellulare|"
    "telemovel|gsm|handy|komorka|matkapuhelin|puhelin|mobilni|мобильный|сотовый|κινητο|الجوال|جوال|הנייד|"
    "נייד|whatsapp|sms|msisdn|"
    # addresses
    "adr|addr|adrline|addrline|streetaddr|stradr|mailadr|adres|adresa|alamat|diachi|домашнийадрес|rue|voie|calle|domicilio|rua|straat|ulica|ulice|utca|sokak|"
    "cadde|gata|vej|gateadresse|osoite|katuosoite|cim|lakcim|οδος|العنوان|عنوان|כתובת|רחוב|ที่อยู่|पता|stras|"
    "adrnr|pobox|postfach|pfach|boitepostale|apartadopostal|casellapostale|huis|haus|lat|lon|lng|geo(lat|lon|"
    "lng)|coordinates?|koordinaten|coordonneesgps|"
    # taxes, registers, identity documents
    "ssn|vat|vatreg(istration)?|ustid(nr)?|steuer(nummer|id)?|siret|siren|tva|tvaintra(communautaire)?|nif|"
    "cif|dni|nie|rfc|curp|cpf|cnpj|cpfcnpj|cuit|cuil|rut|ruc|cedula|partitaiva|piva|codicefiscale|btw|kvk|"
    "bsn|nip|pesel|regon|ico|dic|rodnecislo|personnummer|organisations(nummer)?|org(nr|no|nummer|number)|cpr|"
    "cvr|fodselsnummer|henkilotunnus|hetu|ytunnus|adoszam|adoazonosito|cnp|cui|oib|egn|tckn|tckimlik|vergi|"
    "инн|снилс|паспорт|огрн|αφμ|αριθμοςταυτοτητας|αμκα|マイナンバー|個人番号|주민등록|주민등록번호|"
    "사업자등록번호|身份证号?|身份証|統一編號|gstin|pan|aadhaar|abn|tfn|ein|nhs|nationalid|government(id|"
    "identification)|identity(card|document|no|number)|idcard|driver'?s?licen[cs]e|fuhrerschein|stcd|stceg|"
    "npwp|nik|cccd|cmnd|ktp|הזהות|תעודתזהות|الهوية|"
    # banks, cards, accounts of other services, devices
    "bic|swift|konto|bankkonto|comptebancaire|rib|cuentabancaria|contocorrente|rekening|numerkonta|"
    "(credit)?card(no|nr|number)|kartennummer|cookie|idfa|gaid|aaid|gaclient|useragent|macaddress|imei|skype|"
    "lineid|wechat|微信号?|telegram|viber|euid|leid|passwords?|passwort|motdepasse|contrasena|senha|haslo|"
    "パスワード|密码|пароль|avatar|photo|foto|profilepicture|signature|url|uuid|guid"
)
_A_NUMBER = "(number|num|nummer|numero|numer|no|nr|nro|id|ids|#|번호|番号|号码|номер)?"

#: Parts of a heading that identify whatever else it says.
_IDENTIFYING_PARTS = (
    "phone|telefon|telephone|teléfono|handyn|mobilnummer|mobile(no|nr|num)|mobiltelefon|telemovel|puhelinnum|"
    "cislotelefonu|telefoon|telefone|電話|電話番号|携帯番号|전화|휴대폰|휴대전화|핸드폰|手机|手機|电话|"
    "телефон|τηλεφων|هاتف|טלפון|điện thoại|dienthoai|nohp|notelp|โทรศัพท์|メールアドレス|電子メール|メアド|"
    "street|strasse|straße|^address|^adres|adres$|addressline|address[0-9]?$|adresse|direccion|dirección|"
    "indirizzo|endereco|endereço|logradouro|gatuadress|housenumber|hausnummer|huisnummer|住所|番地|주소|地址|"
    "улица|адрес|διευθυνση|địachỉ|latitude|longitude|^ip(v[46])?address|ipaddr|adresseip|remoteaddr|iban|"
    "socialsecurity|passport|tax(id|number|code|payer)|fiscalcode|^vat(id|no|nr|number)|ustid|bankaccount|"
    "creditcardn|cookieid|deviceid|advertisingid|profileurl|website|homepage|webseite|siteweb|instagram|"
    "facebook|linkedin|twitter|handle$"
)

#: Last words of headings that say what kind of number or address it is, or where it lies, which customers share; and
#: the long ones of them, at the end of words written as one.
_SHARED = (
    "type types typ art kind country region county district nation land pays pais city cities town stadt "
    "ville ciudad citta cidade state province zip postal plz cap cep language sprache langue status verified "
    "valid quality provider operator carrier network brand model os plan tariff format available changed "
    "order orders sales channel"
)
_SHARED_WORDS = frozenset(_SHARED.split())
_SHARED_END = (
    "type|mailclient|mobileuser|country|countrycode|region|county|district|city|state|province|provincecode|"
    "postal|zip|zipcode|postalcode|postcode|language|status|verified|operator|carrier|都道府県|市区町村|種別|"
    "区分|有無|국가|도시|국적|国家|城市|省份|страна|город"
)

_IS_PERSON = re.compile(
    plain_pattern(
        [
            f"^({_WHOSE})*({_WHOLE_NAMES})[0-9]?{_OF_WHOM}$|"
            f"^(n|{_A_NUMBER})(de|di|van)?({_WHOSE}|address)*({_NUMBER_HEADINGS}){_A_NUMBER}[0-9]?{_OF_WHOM}$|{_IDENTIFYING_PARTS}"
        ]
    )
)
_IS_SHARED = re.compile(plain_pattern([f"({_SHARED_END})[0-9]?$"]))


def identifies_person(column: str) -> bool:
    """Whether a heading says that the column identifies a person, an address or a device.

    >>> [identifies_person(heading) for heading in ("Nom du client", "携帯電話番号", "billing_first_name", "STCD1")]
    [True, True, True, True]
    >>> [identifies_person(heading) for heading in ("CONTACT_PERS", "FRST_NM", "Vor- und Zuname", "ADDR_1", "owner")]
    [True, True, True, True, False]
    >>> [identifies_person(heading) for heading in ("City", "Phone type", "Default Address Country", "Product name")]
    [False, False, False, False]
    """
    heading = plain_heading(column)
    words = plain_text(split_case(column), " ").split()
    if _IS_SHARED.search(heading) or (words and words[-1] in _SHARED_WORDS):
        return False
    return "ip" in words or _IS_PERSON.search(heading) is not None
