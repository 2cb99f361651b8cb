/**
 * Names that nobody can take: whoever had one could pass for the server, for those who run it, or for everybody at once.
 * Written without dots and underscores, which don't count: "ad_min" and "a.d.m.i.n" are as reserved as "admin".
 */
const reservedByTheme = {
  'addresses of this server': `
    api clerk favicon faviconico graphiql graphql health healthz live login logout me metrics node nodes picture pictures
    ready readyz sse webhook webhooks websocket websockets ws`,

  'files that clients look for at an address': `
    adstxt appletouchicon assets browserconfig cgibin clientaccesspolicy crossdomain dist humans humanstxt index
    indexhtml manifest manifestjson robots robotstxt securitytxt serviceworker sitemap sitemapxml static
    wellknown`,

  'who runs the server': `
    admin administration administrator administrators admins ceo cto curator developer developers dev devops editor
    editors engineering founder founders helpdesk hostmaster janitor leadership legal management manager marketing mod
    moderation moderator moderators mods official officials operator operators owner owners personnel postmaster press
    recruiting root sales security securityteam staff staffmember superadmin superuser supervisor support supportteam
    sysadmin sysop system systems team teams trust trustandsafety verified webmaster`,

  'mailboxes that the mail standards give a meaning': `
    abuse bounce bounces contact daemon enquiries ftp hello help info inquiries listmaster mail mailer
    mailerdaemon news noc noreply donotreply nobody registrar service services ssladmin ssladministrator
    sslwebmaster usenet uucp whois www`,

  'this product, and those that it stands on': `
    apollo clerkinc google imdb movie movies netflix pothos prisma relay themoviedb tmdb visage visageapp visagehq
    visageofficial visagesupport visageteam yoga`,

  'who is not one person': `
    all anon anonymous anybody anyone bot bots client clients customer customers deleted deleteduser everybody everyone
    friend friends guest guests here inactive member members myself none people person public self someone somebody
    subscriber subscribers suspended unknown unnamed user username usernames users visitor visitors you your yourself`,

  'pages that most sites have': `
    about aboutus academy account accounts activate activity ads advertise advertising affiliate affiliates agreement
    analytics android announcements app application applications apps archive archives article articles auth
    authentication authorization authorize avatar avatars award awards badge badges banner banners beta billing blog
    blogs board bookmark bookmarks brand browse business buy calendar campaign campaigns career careers cart catalog
    categories category channel channels chart charts chat checkout collection collections comment comments communities
    community company compare compliance confirm confirmation connect contactus contest cookie cookies copyright
    credits dashboard data delete deleteaccount directory discover discussion dmca docs documentation donate download
    downloads edit email emails enterprise error errors event events example examples exit explore export faq faqs
    favorite favorites feature features feed feedback feeds file files find follow followers following forgot
    forgotpassword forum forums free gallery gdpr genre genres gettingstarted gift gifts group groups guide guides
    history home homepage image images import imprint impressum inbox install invitation invitations invite invites ios
    issue issues item items job jobs join knowledgebase language languages learn library license licenses link links
    list lists local locale locales location locations magazine map maps media message messages messenger mobile more
    music network new newest newsletter newsletters notification notifications oauth oauth2 offer offers online openid
    order orders overview page pages partner partners password passwords pay payment payments photo photos plan plans
    platform podcast podcasts policies policy popular portal post posts preferences premium pricing privacy
    privacypolicy private pro product products profile profiles project projects promo purchase question questions
    random ranking rating ratings recent recommendations recover refund register registration release releases remove
    report reports request requests reset resetpassword resource resources review reviews rss rules safety sale save
    schedule search secure session sessions setting settings setup share shop signin signout signup sitestatus sponsor
    sponsors status stats statistics store stories story stream streams studio studios subscribe subscription
    subscriptions suggest suggestions survey tag tags template templates terms termsofservice termsofuse theme themes
    timeline todo token tokens tool tools top topic topics tos tour trailer trailers translate translations trending
    tutorial tutorials unfollow unsubscribe update updates upgrade upload uploads verification verify video videos
    vote votes watch watchlist watchlists welcome wiki`,

  'words of programs and machines': `
    access backup cache cdn cluster config console cpanel cron database db debug default dns docker domain embed
    endpoint env environment false git github gitlab host hosting http https imap internal ip json jsonrpc kubernetes
    lambda localdomain localhost log logs main master monitor monitoring mysql nan nginx null oembed openapi php ping
    pop pop3 postgres postgresql postgrest prod production proxy queue redis replica rest route router rpc sandbox
    schema script scripts sdk server servers smtp sql src ssh ssl stage staging storage subdomain svn swagger sync task
    tasks tcp telnet temp tls tmp true undefined url uuid version void vpn web webdav webserver wildcard worker xml
    xmlrpc`,

  'banks and offices that swindlers play': `
    bank customercare customerservice customersupport embassy fbi government helpcenter helpline interpol lawenforcement
    payout payouts police refunds securityalert supportdesk techsupport verifyaccount`,
};

/** All of them, each once. */
export const reservedUsernames = Object.values(reservedByTheme).flatMap((words) => words.trim().split(/\s+/));

const reserved = new Set(reservedUsernames);

/** Whether a username in lower case is, dots and underscores aside, a reserved word. */
export const isReservedUsername = (username: string): boolean => reserved.has(username.replace(/[._]/g, ''));
